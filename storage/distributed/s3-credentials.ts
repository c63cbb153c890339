/**
 * Credentials that a machine of Amazon's is given for the role that it has, where programs of Amazon look for them: a token in a file that is changed for
 * credentials (Kubernetes), a server beside the container (ECS, EKS), a server of the machine (EC2). They end after some hours; new ones are fetched before.
 */
import { readFile } from 'node:fs/promises'
import { request } from 'undici'
import { OptionError } from '../../schemas/check-options.js'
import { type Element, elementsOf, readXml, textOf } from './s3-xml.js'

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Asked before each request is signed; keeps what it found for as long as that is good. */
export type S3CredentialsProvider = () => Promise<S3Credentials>

export type Environment = Readonly<Record<string, string | undefined>>

/** Good until `expires`, in milliseconds since 1970. */
export interface PassingCredentials extends S3Credentials {
  readonly expires: number
}

/** Milliseconds before their end from which on new ones are fetched; and from which on the old ones are not used any more. */
const early = 300_000
const late = 30_000
/** Milliseconds between two attempts while the old ones are good. */
const pause = 10_000
/** Milliseconds in which a server must answer. */
const patience = 5_000
/** Answers are of some thousand bytes. */
const longestAnswer = 65_536

/** An empty variable counts as none, as with other programs. */
export function set (value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

/** The host of a service of Amazon's. */
export function amazonHost (service: string, region: string): string {
  return `${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

/** What the environment says of a role; undefined when it says nothing. Throws OptionError for what could send a secret to a stranger. */
export function roleCredentials (environment: Environment, region: string): S3CredentialsProvider | undefined {
  const [role, file] = [set(environment['AWS_ROLE_ARN']), set(environment['AWS_WEB_IDENTITY_TOKEN_FILE'])]
  if (role !== undefined && file !== undefined) {
    const endpoint = set(environment['AWS_ENDPOINT_URL_STS']) ?? `https://${amazonHost('sts', region)}`
    const session = set(environment['AWS_ROLE_SESSION_NAME']) ?? 'fastify-cdmi'
    return keeping(async () => await assumeRole(endpoint, { role, session, token: (await readFile(file, 'utf8')).trim() }))
  }
  const relative = set(environment['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'])
  const full = relative === undefined ? set(environment['AWS_CONTAINER_CREDENTIALS_FULL_URI']) : `http://169.254.170.2${relative}`
  if (full === undefined) return undefined
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url === undefined || !isNear(url)) throw new OptionError('AWS_CONTAINER_CREDENTIALS_FULL_URI must be an https URL, or one of this machine or of the servers for containers')
  return keeping(async () => {
    const tokenFile = set(environment['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'])
    const token = tokenFile === undefined ? set(environment['AWS_CONTAINER_AUTHORIZATION_TOKEN']) : (await readFile(tokenFile, 'utf8')).trim()
    return fromJson(await ask(url, { headers: token === undefined ? {} : { authorization: token } }))
  })
}

/** Those of the role of a virtual machine (EC2). */
export function instanceCredentials (environment: Environment): S3CredentialsProvider {
  const base = set(environment['AWS_EC2_METADATA_SERVICE_ENDPOINT']) ?? 'http://169.254.169.254'
  if (!URL.canParse(base)) throw new OptionError('AWS_EC2_METADATA_SERVICE_ENDPOINT must be a URL')
  return keeping(async () => {
    const token = await ask(new URL('/latest/api/token', base), { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } })
    const headers = { 'x-aws-ec2-metadata-token': token }
    const roles = new URL('/latest/meta-data/iam/security-credentials/', base)
    const [role = ''] = (await ask(roles, { headers })).trim().split('\n')
    if (role === '') throw new Error('the machine has no role')
    return fromJson(await ask(new URL(encodeURIComponent(role), roles), { headers }))
  })
}

/** Asks in time for new ones, once for all who need them. While the old ones are good, a failure is of no account. */
export function keeping (fetch: () => Promise<PassingCredentials>): S3CredentialsProvider {
  let found: PassingCredentials | undefined
  let asking: Promise<PassingCredentials> | undefined
  let asked = -Infinity
  const renew = async (): Promise<PassingCredentials> => {
    asked = performance.now()
    asking ??= fetch().then(fresh => { found = fresh; return fresh }).finally(() => { asking = undefined })
    return await asking
  }
  return async () => {
    const left = found === undefined ? 0 : found.expires - Date.now()
    if (found === undefined || left <= late) return await renew()
    if (left <= early && performance.now() - asked >= pause) {
      renew().catch(() => {
        // Tried again, and told when it matters.
      })
    }
    return found
  }
}

async function assumeRole (endpoint: string, { role, session, token }: { role: string, session: string, token: string }): Promise<PassingCredentials> {
  const form = new URLSearchParams({ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', RoleArn: role, RoleSessionName: session, WebIdentityToken: token })
  const text = await ask(new URL(endpoint), { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString() })
  const found = inside(inside(readXml(text, 'AssumeRoleWithWebIdentityResponse'), 'AssumeRoleWithWebIdentityResult'), 'Credentials')
  const [accessKeyId, secretAccessKey, sessionToken, expiration] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'].map(name => found === undefined ? '' : textOf(found, name))
  return checked({ accessKeyId, secretAccessKey, sessionToken, expiration })
}

function inside (element: Element | undefined, name: string): Element | undefined {
  return element === undefined ? undefined : elementsOf(element, name)[0]
}

function fromJson (text: string): PassingCredentials {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    // Of no use; checked below.
  }
  const field = (name: string): string | undefined => {
    const value: unknown = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined
    return typeof value === 'string' ? value : undefined
  }
  return checked({ accessKeyId: field('AccessKeyId'), secretAccessKey: field('SecretAccessKey'), sessionToken: field('Token'), expiration: field('Expiration') })
}

/** The answer may hold a secret, so nothing of it is repeated. */
function checked ({ accessKeyId = '', secretAccessKey = '', sessionToken, expiration = '' }: Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration', string | undefined>): PassingCredentials {
  const expires = Date.parse(expiration)
  if (accessKeyId === '' || secretAccessKey === '' || Number.isNaN(expires)) throw new Error('the answer has no credentials in it')
  return { accessKeyId, secretAccessKey, sessionToken: set(sessionToken), expires }
}

interface Question { readonly method?: 'GET' | 'PUT' | 'POST', readonly headers: Readonly<Record<string, string>>, readonly body?: string }

async function ask (url: URL, { method = 'GET', headers, body }: Question): Promise<string> {
  const answer = await request(url, { method, headers: { ...headers }, signal: AbortSignal.timeout(patience), ...(body === undefined ? {} : { body }) })
  let text = ''
  for await (const chunk of answer.body.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > longestAnswer) throw new Error(`${url.origin} answers with more than credentials`)
  }
  if (answer.statusCode === 200) return text
  // Of the service of roles: it says why.
  const error = inside(readXml(text, 'ErrorResponse'), 'Error')
  throw new Error(`${url.origin} answers ${answer.statusCode}${error === undefined ? '' : ` ${textOf(error, 'Code').slice(0, 100)}`}`)
}

/** Where a token may be sent in the clear. */
function isNear ({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && /^(127(\.\d+){3}|localhost|\[::1\]|169\.254\.170\.(2|23)|\[fd00:ec2::23\])$/.test(hostname))
}
