/** From a URL or options, and the environment, to settings without gaps. No sentence of an error here repeats what could be a secret. */
import { checkOptions, OptionError } from '../../schemas/check-options.js'
import { S3Options } from '../../schemas/s3-options.js'
import type { Type } from '../../schemas/typebox.js'
import { amazonHost, type Environment, instanceCredentials, roleCredentials, type S3Credentials, type S3CredentialsProvider, set } from './s3-credentials.js'

export interface S3Settings {
  readonly bucket: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
  /** Protocol, host and port that requests go to; with the bucket in it for the virtual-host style. */
  readonly origin: URL
  /** What stands before the key in the path of a request: begins and ends with a slash. */
  readonly path: string
  readonly region: string
  readonly credentials: S3Credentials | S3CredentialsProvider
  readonly checksum: 'sha256' | 'md5'
  readonly partSize: number
  readonly connections: number
  readonly waiting: number
  readonly memory: number
  readonly timeout: number
  readonly retryFor: number
}

const defaults = { checksum: 'sha256', partSize: 8 * 1024 * 1024, connections: 64, waiting: 1000, memory: 512 * 1024 * 1024, timeout: 20_000, retryFor: 15_000 } as const

const what = 'the S3 store'

/** Reads `s3://bucket/prefix?name=value&…`. Throws OptionError, never with the URL in it. */
export function parseS3Url (text: string): S3Options {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 's3:') throw new OptionError('The URL of values in S3 has the form s3://bucket/prefix?endpoint=URL&region=NAME&style=path')
  if (url.username !== '' || url.password !== '') throw new OptionError('Credentials do not stand before the bucket: give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment')
  const options: Record<string, string | number> = { bucket: url.hostname }
  const prefix = decoded(url.pathname.slice(1))
  if (prefix !== '') options['prefix'] = prefix
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(options, name)) throw new OptionError(`The option "${name}" of ${what} is given twice`)
    options[name] = isNumeric(name) && /^\d+$/.test(value) ? Number(value) : value
  }
  return checkOptions(S3Options, options, what)
}

function decoded (path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new OptionError(`The prefix of ${what} has a percent-escape that is not valid UTF-8`)
  }
}

function isNumeric (name: string): boolean {
  const properties: Readonly<Record<string, Type.TSchema>> = S3Options.properties
  const property = properties[name]
  return property !== undefined && 'type' in property && property.type === 'integer'
}

/** Fills the gaps from the environment, then with defaults. Throws OptionError when there are no credentials. */
export function completeS3Options (given: S3Options, provider: S3CredentialsProvider | undefined, environment: Environment): S3Settings {
  const options = checkOptions(S3Options, given, what)
  const region = options.region ?? set(environment['AWS_REGION']) ?? set(environment['AWS_DEFAULT_REGION']) ?? 'us-east-1'
  const endpoint = options.endpoint ?? set(environment['AWS_ENDPOINT_URL_S3']) ?? set(environment['AWS_ENDPOINT_URL'])
  const style = options.style ?? (endpoint === undefined ? 'virtual' : 'path')
  return {
    ...defaults,
    ...options,
    ...place(endpoint ?? `https://${amazonHost('s3', region)}`, style, options.bucket),
    prefix: prefixOf(options.prefix ?? ''),
    region,
    credentials: provider ?? findCredentials(options, environment, region)
  }
}

function place (endpoint: string, style: 'path' | 'virtual', bucket: string): { origin: URL, path: string } {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') throw new OptionError(`The option "endpoint" of ${what} must be an http or https URL without a query`)
  if (url.username !== '' || url.password !== '') throw new OptionError(`The option "endpoint" of ${what} must not have a user name or password in it`)
  const base = url.pathname.endsWith('/') ? url.pathname : url.pathname + '/'
  if (style === 'path') return { origin: new URL(url.origin), path: `${base}${bucket}/` }
  return { origin: new URL(`${url.protocol}//${bucket}.${url.host}`), path: base }
}

function prefixOf (prefix: string): string {
  if (prefix === '') return ''
  if (prefix.startsWith('/') || prefix.includes('//') || prefix.split('/').some(part => part === '.' || part === '..')) {
    throw new OptionError(`The option "prefix" of ${what} must not begin with a slash, nor have empty parts, "." or ".." in it`)
  }
  return prefix.endsWith('/') ? prefix : prefix + '/'
}

function findCredentials (options: S3Options, environment: Environment, region: string): S3Credentials | S3CredentialsProvider {
  const { accessKeyId, secretAccessKey, sessionToken, credentials } = options
  if (credentials === 'instance' && (accessKeyId ?? secretAccessKey ?? sessionToken) !== undefined) throw new OptionError(`${what} is given credentials, and told to ask for them: leave one of both out`)
  if (credentials === 'instance') return instanceCredentials(environment)
  if (accessKeyId !== undefined && secretAccessKey !== undefined) return { accessKeyId, secretAccessKey, sessionToken }
  if (accessKeyId !== undefined || secretAccessKey !== undefined || sessionToken !== undefined) {
    throw new OptionError(`${what} needs the options "accessKeyId" and "secretAccessKey" together`)
  }
  const [id, secret] = [set(environment['AWS_ACCESS_KEY_ID']), set(environment['AWS_SECRET_ACCESS_KEY'])]
  if (id !== undefined && secret !== undefined) return { accessKeyId: id, secretAccessKey: secret, sessionToken: set(environment['AWS_SESSION_TOKEN']) }
  const role = roleCredentials(environment, region)
  if (role === undefined) throw new OptionError(`${what} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or on a virtual machine of Amazon's that has a role "credentials=instance"`)
  return role
}
