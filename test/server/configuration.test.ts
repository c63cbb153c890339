import t, { type Test } from 'tap'
import { join } from 'node:path'
import { ConfigError, configOptions, loadConfig, type ConfigSources } from '../../server/config-sources.js'
import { buildServer } from '../../server.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { authorization, builtServer } from '../helpers/built-server.js'

/** Path of a config file with this text. */
const fileWith = (t: Test, text: string): string => join(t.testdir({ 'config.toml': text }), 'config.toml')

function refused (t: Test, sources: ConfigSources, ...patterns: RegExp[]): string {
  try {
    loadConfig(sources)
  } catch (error) {
    t.ok(error instanceof ConfigError, String(error))
    const { message } = error as Error
    for (const pattern of patterns) t.match(message, pattern)
    return message
  }
  t.fail('should have been refused')
  return ''
}

t.test('flags win over the environment, the environment over the config file', async t => {
  const file = fileWith(t, 'port = 1\nrealm = "file"\nlogLevel = "warn"\n')
  t.same(loadConfig({ file }), { port: 1, realm: 'file', logLevel: 'warn' })
  t.same(loadConfig({ file, environment: { PORT: '2', CDMI_LOG_LEVEL: 'debug' } }), { port: 2, realm: 'file', logLevel: 'debug' })
  t.same(loadConfig({ file, environment: { PORT: '2', CDMI_LOG_LEVEL: 'debug' }, flags: { port: '3', host: undefined } }), { port: 3, realm: 'file', logLevel: 'debug' })
  t.same(loadConfig({}), {}, 'nothing given, nothing set')
})

t.test('every option can be given in the file, the environment and, unless it is secret, by flag', async t => {
  const values: Record<string, unknown> = { string: 'x', number: 7, boolean: false, list: ['a', 'b'], tables: [{ origin: 'https://x' }] }
  const texts: Record<string, string> = { string: 'x', number: '7', boolean: 'false', list: 'a, b', tables: '[{"origin":"https://x"}]' }
  const tomls: Record<string, string> = { string: '"x"', number: '7', boolean: 'false', list: '["a", "b"]', tables: '[{ origin = "https://x" }]' }
  const valueOf = (config: unknown, name: string): unknown => name.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config)
  t.ok(configOptions.length > 25)
  for (const { name, variable, flag, kind, choices, path, schema } of configOptions) {
    // Tables have names of the operator's own in them.
    if (variable === undefined) continue
    // Seven is too few for some.
    const choice = choices[0] ?? (Number(Reflect.get(schema, 'minimum') ?? 0) > 7 ? Number(Reflect.get(schema, 'minimum')) : undefined)
    const expected = choice ?? values[kind]
    const text = String(choice ?? texts[kind])
    const [group, key] = name.split('.')
    const toml = `${key === undefined ? '' : `[${group}]\n`}${key ?? group} = ${choice === undefined ? tomls[kind] : JSON.stringify(choice)}\n`
    const file = fileWith(t, toml)
    t.same(valueOf(loadConfig({ file }), name), path ? join(file, '..', 'x') : expected, `${name} in the file`)
    t.same(valueOf(loadConfig({ environment: { [variable]: text } }), name), expected, variable)
    if (flag !== undefined) t.same(valueOf(loadConfig({ flags: { [name]: text } }), name), expected, flag)
  }
})

t.test('passwords and passphrases are no flags, for others could read them in the list of processes', async t => {
  t.same(configOptions.filter(({ flag, kind }) => flag === undefined && kind !== 'table').map(({ name }) => name), ['adminPassword', 'tlsPassphrase', 'remoteSources'])
})

t.test('flags and variables are named after their options', async t => {
  const named = (name: string): unknown => {
    const option = configOptions.find(option => option.name === name)
    return [option?.flag, option?.variable]
  }
  t.same(named('port'), ['--port', 'PORT'])
  t.same(named('logLevel'), ['--log-level', 'CDMI_LOG_LEVEL'])
  t.same(named('tlsCert'), ['--tls-cert', 'TLS_CERT'])
  t.same(named('limits.formFieldSize'), ['--limits-form-field-size', 'CDMI_LIMITS_FORM_FIELD_SIZE'])
})

t.test('an unknown option in the file is refused, with the one that was meant', async t => {
  refused(t, { file: fileWith(t, 'prot = 80\n') }, /unknown option "prot"; did you mean "port"\?/, /config\.toml/)
  refused(t, { file: fileWith(t, '[limits]\nvalu = 5\n') }, /unknown option "limits\.valu"; did you mean "limits\.value"\?/)
  t.notMatch(refused(t, { file: fileWith(t, 'somethingElse = 1\n') }, /unknown option "somethingElse"/), /did you mean/)
  refused(t, { file: fileWith(t, '__proto__ = 1\n') }, /unknown option "__proto__"/)
})

t.test('an unknown variable of ours is refused, with the one that was meant; variables of others are none of our business', async t => {
  refused(t, { environment: { CDMI_LOG_LEVL: 'info' } }, /unknown variable CDMI_LOG_LEVL; did you mean "CDMI_LOG_LEVEL"\?/)
  for (const { variable = '' } of configOptions.filter(({ variable }) => variable?.startsWith('CDMI_') === false)) {
    t.match(refused(t, { environment: { [`CDMI_${variable}`]: '1' } }, /unknown variable/), `; did you mean "${variable}"?`)
  }
  t.same(loadConfig({ environment: { PATH: '/bin', TLS_VERSION: '1', HOME: '/root' } }), {})
})

t.test('an empty variable is one that is not set', async t => {
  t.same(loadConfig({ environment: { PORT: '', ADMIN_PASSWORD: '', CDMI_CORS: '' } }), {})
})

t.test('a value of the wrong type is refused with the name of the option and where it was given', async t => {
  refused(t, { file: fileWith(t, 'port = "80"\n') }, /option "port" in the config file .*config\.toml must be/)
  refused(t, { file: fileWith(t, 'port = 2024-01-01\n') }, /"port"/)
  refused(t, { environment: { PORT: 'eighty' } }, /environment variable PORT must be/)
  refused(t, { environment: { PORT: '70000' } }, /environment variable PORT must be <= 65535/)
  refused(t, { flags: { port: '-1' } }, /option --port must be/)
  refused(t, { flags: { 'limits.value': '1.5' } }, /option --limits-value must be/)
  refused(t, { environment: { CDMI_DOCS: 'yes' } }, /CDMI_DOCS must be boolean/)
  refused(t, { environment: { CDMI_LOG_LEVEL: 'loud' } }, /CDMI_LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent/)
  refused(t, { flags: { tls: 'on' } }, /--tls must be one of off, self-signed/)
  refused(t, { file: fileWith(t, 'cors = "*"\n') }, /"cors"/)
})

t.test('limits are a table; what is no table is refused', async t => {
  const file = fileWith(t, '[limits]\nvalue = 1000\nframe = 2000\n')
  t.same(loadConfig({ file, environment: { CDMI_LIMITS_FRAME: '3000' }, flags: { 'limits.json': '4000' } }), { limits: { value: 1000, frame: 3000, json: 4000 } })
  t.same(loadConfig({ file: fileWith(t, 'limits.value = 5\n') }), { limits: { value: 5 } })
  refused(t, { file: fileWith(t, 'limits = 5\n') }, /"limits"/)
})

t.test('templates are a table with names of the operator\'s own; only the config file has it', async t => {
  const gold = '[templates.dataobject.gold]\ncdmi_latency = "10"\ncdmi_geographic_placement = ["DE"]\n'
  t.same(loadConfig({ file: fileWith(t, gold + '[templates.container]\n"a.b" = { cdmi_latency = "1" }\n') }), {
    templates: { dataobject: { gold: { cdmi_latency: '10', cdmi_geographic_placement: ['DE'] } }, container: { 'a.b': { cdmi_latency: '1' } } }
  })
  refused(t, { file: fileWith(t, 'templates = "gold"\n') }, /"templates"/)
  refused(t, { file: fileWith(t, '[templates.queue.gold]\n') }, /"templates"/)
  refused(t, { file: fileWith(t, '[templates.dataobject.gold]\ncdmi_latency = 10\n') }, /"templates".*dataobject\.gold\.cdmi_latency/)
  refused(t, { file: fileWith(t, '[templates.dataobject."a/b"]\n') }, /"templates".*dataobject/)
  refused(t, { environment: { CDMI_TEMPLATES: '{}' } }, /unknown variable CDMI_TEMPLATES/)
})

t.test('templates and locations reach the capability objects of both mounts', async t => {
  const { app } = await builtServer(t, { templates: { dataobject: { gold: { cdmi_latency: '10' } } }, locations: ['here'] })
  for (const prefix of ['', '/cdmi/2.0.0']) {
    const { capabilities, metadata } = (await app.inject({ url: `${prefix}/cdmi_capabilities/dataobject/gold/`, headers: { authorization } })).json()
    t.match({ capabilities, metadata }, { capabilities: { cdmi_data_affinity: ['here'] }, metadata: { cdmi_latency: '10' } })
  }
})

t.test('a private key in a flag is refused, for others could read it there; in a variable it is taken', async t => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----'
  t.notMatch(refused(t, { flags: { tlsKey: key } }, /--tls-key has a private key in it.*TLS_KEY/), 'MIG')
  refused(t, { flags: { tlsCert: `-----BEGIN CERTIFICATE-----\n${key}` } }, /--tls-cert has a private key/)
  t.equal(loadConfig({ environment: { TLS_KEY: key } }).tlsKey, key)
})

t.test('no message repeats a value: it may be a secret', async t => {
  const secret = 'Sup3rSecret'
  const messages = [
    refused(t, { file: fileWith(t, `adminPassword = ["${secret}"]\n`) }, /adminPassword/),
    refused(t, { file: fileWith(t, `adminPasswrd = "${secret}"\n`) }, /did you mean "adminPassword"/),
    refused(t, { file: fileWith(t, `adminPassword = "${secret}\nport = 1\n`) }, /not valid TOML: line 1/),
    refused(t, { file: fileWith(t, `adminPassword = ${secret}\n`) }, /not valid TOML: line 1/),
    refused(t, { environment: { PORT: secret } }, /PORT/),
    refused(t, { flags: { tls: secret } }, /--tls/)
  ]
  for (const message of messages) t.notMatch(message, secret)
})

t.test('paths in the config file start from its directory; others from where the server was started', async t => {
  const file = fileWith(t, 'data = "store"\nusers = "/etc/users.json"\ntlsCert = "../cert.pem"\n')
  const directory = join(file, '..')
  t.same(loadConfig({ file }), { data: join(directory, 'store'), users: '/etc/users.json', tlsCert: join(directory, '../cert.pem') })
  t.same(loadConfig({ environment: { CDMI_DATA: 'store' }, flags: { users: 'u.json' } }), { data: 'store', users: 'u.json' })
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  t.same(loadConfig({ file: fileWith(t, `tlsCert = """${pem}"""\n`) }), { tlsCert: pem }, 'PEM text is no path')
})

t.test('a config file that is not there or not readable as TOML is named', async t => {
  refused(t, { file: join(t.testdir(), 'none.toml') }, /config file .*none\.toml cannot be read \(ENOENT\)/)
  refused(t, { file: t.testdir() }, /cannot be read \(EISDIR\)/)
  refused(t, { file: fileWith(t, 'port = 1\nport = 2\n') }, /not valid TOML: line 2/)
})

t.test('the server itself refuses what it does not know, before it opens anything', async t => {
  const store = openMemoryStore()
  const build = async (config: object): Promise<unknown> => await buildServer(config, { store })
  await t.rejects(build({ prot: 1 }), /The server has no option "prot"/)
  await t.rejects(build({ port: 'x' }), /The option "port" of the server must be/)
  await t.rejects(build({ limits: { valu: 1 } }), /"limits\.valu"/)
})
