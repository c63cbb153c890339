/** Flags made from the configuration's options, and the configuration made from flags, environment and file. */
import { Option, type Command } from 'commander'
import type { ServerConfig } from '../schemas/config.js'
import { configOptions, loadConfig, type ConfigOption } from '../server/config-sources.js'

/** What commander parsed: by its camel-case name of a flag. */
export type Flags = Readonly<Record<string, unknown>>

/** `names`: only these options of the configuration; undefined: all. */
export function addConfigOptions (command: Command, names?: readonly string[]): Command {
  for (const option of configOptions) {
    if (option.flag !== undefined && (names === undefined || names.includes(option.name))) command.addOption(flagOf(option, option.flag))
  }
  return command.addOption(new Option('--config <file>', 'Configuration file (TOML) with the same options. [env: CDMI_CONFIG]'))
}

function flagOf (option: ConfigOption, flag: string): Option {
  const { kind, description, variable } = option
  // A boolean may be written out, to switch off what the file or the environment switched on.
  return new Option(`${flag} ${kind === 'boolean' ? '[true|false]' : `<${argumentOf(option)}>`}`, `${description} [env: ${variable}]`)
}

function argumentOf ({ kind, choices, name, path, url }: ConfigOption): string {
  if (choices.length > 0) return choices.join('|')
  if (path) return name === 'data' ? 'directory' : 'file'
  if (url) return 'url'
  return kind === 'string' ? 'text' : kind
}

/** The whole configuration. Throws ConfigError. */
export function configOf (flags: Flags): ServerConfig {
  const { CDMI_CONFIG: named, ...environment } = process.env
  // An empty variable is one that is not set.
  const { config = named === '' ? undefined : named } = flags
  const given = configOptions.flatMap(option => {
    if (option.flag === undefined) return []
    const value = flags[new Option(option.flag).attributeName()]
    return value === undefined ? [] : [[option.name, value] as const]
  })
  return loadConfig({ file: typeof config === 'string' ? config : undefined, environment, flags: Object.fromEntries(given) })
}
