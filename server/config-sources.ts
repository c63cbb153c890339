/**
 * Where the configuration comes from: defaults < config file < environment < flags. Whatever is unknown or wrong is refused
 * with a sentence that names the option and its source; values are not repeated, for they may be secrets.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import { ServerConfig } from '../schemas/config.js'
import { type TSchema, Value } from '../schemas/typebox.js'
import { hasSecret, secretRefusal, secretVariables } from './url-secrets.js'

/** What is wrong with the configuration, for the operator. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** One option, as the sources know it. */
export interface ConfigOption {
  /** As in the config file; of a table: `limits.value`. */
  readonly name: string
  /** `PORT`, `CDMI_LOG_LEVEL`; undefined for tables. */
  readonly variable: string | undefined
  /** `--log-level`; undefined for secrets and tables. */
  readonly flag: string | undefined
  /** A table has names in it that are the operator's own: only a config file can say that. */
  readonly kind: 'string' | 'number' | 'boolean' | 'list' | 'table' | 'tables'
  readonly description: string
  readonly choices: readonly string[]
  readonly schema: TSchema
  /** Relative paths in the config file start from its directory. */
  readonly path: boolean
  /** A URL that may have secrets in it. */
  readonly url: boolean
}

export interface ConfigSources {
  /** Text of a TOML file, by its path. */
  readonly file?: string | undefined
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** By option name; strings as typed. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** Variables that had their names before this project. */
const wellKnown: Readonly<Record<string, string>> = {
  port: 'PORT',
  host: 'HOST',
  adminUser: 'ADMIN_USER',
  adminPassword: 'ADMIN_PASSWORD',
  tlsCert: 'TLS_CERT',
  tlsKey: 'TLS_KEY',
  tlsPassphrase: 'TLS_PASSPHRASE'
}

interface SchemaNode { type?: string, description?: string, properties?: Record<string, TSchema>, anyOf?: { const?: unknown }[], writeOnly?: boolean, format?: string, items?: { type?: string } }

/** Every option, in the order of the schema. */
export const configOptions: readonly ConfigOption[] = optionsOf(ServerConfig, '')

function optionsOf (schema: TSchema, parent: string): ConfigOption[] {
  return Object.entries((schema as SchemaNode).properties ?? {}).flatMap(([key, child]) => {
    const node = child as SchemaNode
    const name = parent + key
    const kind = kindOf(node)
    if (node.type === 'object' && kind !== 'table') return optionsOf(child, `${name}.`)
    return [{
      name,
      variable: kind === 'table' ? undefined : wellKnown[name] ?? 'CDMI_' + words(name, '_').toUpperCase(),
      flag: kind === 'table' || node.writeOnly === true ? undefined : `--${words(name, '-')}`,
      kind,
      description: node.description ?? '',
      choices: (node.anyOf ?? []).map(choice => String(choice.const)),
      schema: child,
      path: node.format === 'path',
      url: node.format === 'store-url'
    }]
  })
}

function kindOf ({ type, format, items }: SchemaNode): ConfigOption['kind'] {
  if (format === 'table') return 'table'
  if (items?.type === 'object') return 'tables'
  if (type === 'integer' || type === 'number') return 'number'
  return type === 'boolean' ? 'boolean' : type === 'array' ? 'list' : 'string'
}

/** `limits.formFiles` → `limits-form-files`. */
function words (name: string, separator: string): string {
  return name.replace(/\.|(?=[A-Z])/g, separator).toLowerCase()
}

const tables: ReadonlySet<string> = new Set(configOptions.filter(({ kind }) => kind === 'table').map(({ name }) => name))

/** Everything together. Throws ConfigError. */
export function loadConfig ({ file, environment = {}, flags = {} }: ConfigSources): ServerConfig {
  const values = new Map<string, unknown>()
  if (file !== undefined) readConfigFile(file, values)
  readEnvironment(environment, values)
  for (const option of configOptions) {
    const value = flags[option.name]
    if (option.url && typeof value === 'string' && hasSecret(value)) throw new ConfigError(secretRefusal(option.flag ?? option.name, saferPlaces(option)))
    if (typeof value === 'string' && value.includes('PRIVATE KEY-----')) throw new ConfigError(`The option ${option.flag ?? option.name} has a private key in it, and other users of the machine can read it there: name a file, or use the variable ${option.variable ?? ''}`)
    if (value !== undefined) values.set(option.name, checked(option, fromText(option, value), `The option ${option.flag ?? option.name}`))
  }
  return assemble(values)
}

function saferPlaces ({ name, variable = '' }: ConfigOption): string[] {
  return [`the variable ${variable}`, 'the config file', name === 'meta' ? secretVariables.meta : secretVariables.blobs]
}

function readConfigFile (file: string, values: Map<string, unknown>): void {
  let table: Record<string, unknown>
  try {
    table = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (error instanceof TomlError) throw new ConfigError(`The config file ${file} is not valid TOML: line ${error.line}, column ${error.column}`)
    throw new ConfigError(`The config file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
  for (const [name, value] of flatten(table, '')) {
    const option = configOptions.find(option => option.name === name)
    if (option === undefined) throw new ConfigError(`The config file ${file} has an unknown option "${name}"${suggestion(name, configOptions.map(option => option.name))}`)
    const isPath = option.path && typeof value === 'string' && !value.includes('-----BEGIN')
    values.set(name, checked(option, isPath ? resolve(dirname(file), value) : value, `The option "${name}" in the config file ${file}`))
  }
}

function * flatten (table: Record<string, unknown>, parent: string): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(table)) {
    if (tables.has(parent + key)) yield [parent + key, value]
    else if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)) yield * flatten(value as Record<string, unknown>, `${parent}${key}.`)
    else yield [parent + key, value]
  }
}

function readEnvironment (environment: NonNullable<ConfigSources['environment']>, values: Map<string, unknown>): void {
  for (const [variable, value] of Object.entries(environment)) {
    const option = configOptions.find(option => option.variable === variable)
    if (option === undefined) {
      if (variable.startsWith('CDMI_')) throw new ConfigError(`The environment has an unknown variable ${variable}${suggestedVariable(variable)}`)
      continue
    }
    // `PORT= fastify-cdmi serve`: unset, as shells mean it.
    if (value !== undefined && value !== '') values.set(option.name, checked(option, fromText(option, value), `The environment variable ${variable}`))
  }
}

/** Text as the option wants it; what cannot be is left as it is, for the check. */
function fromText (option: ConfigOption, value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (option.kind === 'number' && /^\d+(\.\d+)?$/.test(value)) return Number(value)
  if (option.kind === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  if (option.kind === 'list') return value.split(',').map(item => item.trim()).filter(item => item !== '')
  if (option.kind === 'tables') return fromJson(value)
  return value
}

function fromJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function checked (option: ConfigOption, value: unknown, label: string): unknown {
  if (Value.Check(option.schema, value)) return value
  if (option.choices.length > 0) throw new ConfigError(`${label} must be one of ${option.choices.join(', ')}`)
  const [error] = Value.Errors(option.schema, value)
  const place = error === undefined || error.instancePath === '' ? '' : ` (at "${error.instancePath.slice(1).replaceAll('/', '.')}")`
  throw new ConfigError(`${label}${option.kind === 'table' ? place : ''} ${error?.message ?? 'is wrong'}`)
}

function assemble (values: ReadonlyMap<string, unknown>): ServerConfig {
  const config: Record<string, unknown> = {}
  for (const [name, value] of values) {
    const [group = name, key] = name.split('.')
    if (key === undefined) config[group] = value
    else config[group] = { ...(config[group] as object | undefined), [key]: value }
  }
  return config as ServerConfig
}

/** The options that have a name without `CDMI_` are the ones that are most often looked for with it. */
function suggestedVariable (variable: string): string {
  const known = configOptions.flatMap(option => option.variable ?? [])
  const [, bare = ''] = variable.split('CDMI_')
  return known.includes(bare) ? `; did you mean "${bare}"?` : suggestion(variable, known)
}

/** `; did you mean "port"?` when a name differs by a letter or two. */
function suggestion (name: string, known: readonly string[]): string {
  const [best] = known.map(candidate => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) })).sort((a, b) => a.distance - b.distance)
  return best !== undefined && best.distance <= 2 ? `; did you mean "${best.candidate}"?` : ''
}

/** Levenshtein. */
function editDistance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}
