/** Credentials of roles: where they are asked for, and when again. */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { openS3Blobs } from '../../storage/distributed/s3-blobs.js'
import { type Environment, instanceCredentials, keeping, type PassingCredentials, roleCredentials, type S3Credentials } from '../../storage/distributed/s3-credentials.js'
import { completeS3Options, parseS3Url } from '../../storage/distributed/s3-settings.js'

interface Asked { readonly method: string, readonly path: string, readonly headers: IncomingHttpHeaders, readonly body: string }
interface Answer { readonly status?: number, readonly headers?: Readonly<Record<string, string>>, readonly body: string }

/** A server that answers with what `answer` says. */
async function serving (t: Test, answer: (asked: Asked) => Answer): Promise<{ readonly url: string, readonly asked: Asked[] }> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    text(request).then(body => {
      const { method = '', url: path = '', headers } = request
      const one = { method, path, headers, body }
      asked.push(one)
      const { status = 200, headers: said = {}, body: answered } = answer(one)
      response.writeHead(status, { ...said, connection: 'close' }).end(answered)
    }, () => { response.destroy() })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

async function ofRole (environment: Environment): Promise<S3Credentials> {
  const provider = roleCredentials(environment, 'eu-west-1')
  if (provider === undefined) throw new Error('nothing is said of a role')
  return await provider()
}

const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString()
const asJson = (): string => JSON.stringify({ Code: 'Success', AccessKeyId: 'ASIAEXAMPLE', SecretAccessKey: 'secret', Token: 'token', Expiration: inAnHour() })
const found = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' }

t.test('a container asks the server beside it, and S3 sees the token that it was given', async t => {
  const directory = t.testdir({ token: 'Bearer of the pod\n' })
  const { url, asked } = await serving(t, ({ path }) => path === '/role' ? { body: asJson() } : { body: '', headers: { etag: '"tag"' } })
  const environment = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/role`, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(directory, 'token') }
  const blobs = openS3Blobs(`s3://bucket?endpoint=${url}`, { environment })
  t.teardown(async () => { await blobs.close() })
  for (let n = 0; n < 2; n++) await blobs.put('lease', [Buffer.from('x')])
  t.equal(asked.filter(({ path }) => path === '/role').length, 1, 'asked once, for they are good for an hour')
  t.equal(asked[0]?.headers.authorization, 'Bearer of the pod')
  t.match(asked[2], { method: 'PUT', headers: { 'x-amz-security-token': 'token', authorization: /Credential=ASIAEXAMPLE/ } })
})

t.test('a token in a file is changed for credentials; who refuses is quoted, and the token is not', async t => {
  const directory = t.testdir({ token: 'the-token' })
  let refused = false
  const { url, asked } = await serving(t, () => refused
    ? { status: 403, body: '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied</Code><Message>the-token</Message></Error></ErrorResponse>' }
    : { body: `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>${inAnHour()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>` })
  const environment = { AWS_ROLE_ARN: 'arn:aws:iam::1:role/store', AWS_WEB_IDENTITY_TOKEN_FILE: join(directory, 'token'), AWS_ENDPOINT_URL_STS: url }
  t.match(await ofRole(environment), found)
  t.match(asked[0], { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  t.same(Object.fromEntries(new URLSearchParams(asked[0]?.body)), { Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', RoleArn: 'arn:aws:iam::1:role/store', RoleSessionName: 'fastify-cdmi', WebIdentityToken: 'the-token' })
  refused = true
  await t.rejects(ofRole(environment), { message: `${url} answers 403 AccessDenied` })
})

t.test('a virtual machine asks for a token, its role, and the credentials of that', async t => {
  const { url, asked } = await serving(t, ({ method, path }) => method === 'PUT' ? { body: 'session' } : { body: path.endsWith('/') ? 'a role' : asJson() })
  t.match(await instanceCredentials({ AWS_EC2_METADATA_SERVICE_ENDPOINT: url })(), found)
  t.same(asked.map(({ method, path, headers }) => [method, path, headers['x-aws-ec2-metadata-token']]), [
    ['PUT', '/latest/api/token', undefined],
    ['GET', '/latest/meta-data/iam/security-credentials/', 'session'],
    ['GET', '/latest/meta-data/iam/security-credentials/a%20role', 'session']
  ])
})

t.test('new ones are asked for before the old ones end, once for all who need them; a failure counts only when the old ones have ended', async t => {
  let lasts = 60_000
  let fails = false
  let fetched = 0
  const provider = keeping(async (): Promise<PassingCredentials> => {
    const accessKeyId = String(++fetched)
    await new Promise(resolve => { setImmediate(resolve) })
    if (fails) throw new Error('away')
    return { accessKeyId, secretAccessKey: 'secret', expires: Date.now() + lasts }
  })
  const ids = async (count: number): Promise<string[]> => (await Promise.all(Array.from({ length: count }, async () => await provider()))).map(({ accessKeyId }) => accessKeyId)
  t.same(await ids(3), ['1', '1', '1'])
  t.same(await ids(2), ['1', '1'], 'soon to end, and asked for a moment ago')
  lasts = 10_000
  const short = keeping(async () => {
    if (fails) throw new Error('away')
    return { accessKeyId: String(++fetched), secretAccessKey: 'secret', expires: Date.now() + lasts }
  })
  t.match(await short(), { accessKeyId: '2' })
  t.match(await short(), { accessKeyId: '3' }, 'what is about to end is not used')
  fails = true
  await t.rejects(short(), { message: 'away' })
  t.same(await ids(1), ['1'])
})

t.test('an answer without credentials is none, and nothing of it is repeated', async t => {
  const bodies = ['', 'secret', '[]', '{"AccessKeyId":"secret"}', '{"AccessKeyId":"a","SecretAccessKey":"secret","Expiration":"never"}']
  for (const body of bodies) {
    const { url } = await serving(t, () => ({ body }))
    await t.rejects(ofRole({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url }), { message: 'the answer has no credentials in it' })
  }
  const { url } = await serving(t, () => ({ body: 'x'.repeat(100_000) }))
  await t.rejects(ofRole({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url }), /more than credentials/)
})

t.test('a token goes to no stranger, and credentials come from one place', async t => {
  for (const uri of ['http://example.org/x', 'ftp://127.0.0.1', 'nonsense']) t.throws(() => roleCredentials({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri }, 'r'), { name: 'OptionError' })
  t.throws(() => roleCredentials({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '@example.org/' }, 'r'), { name: 'OptionError' })
  t.throws(() => instanceCredentials({ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'nonsense' }), { name: 'OptionError' })
  t.equal(roleCredentials({ AWS_ROLE_ARN: 'x', AWS_WEB_IDENTITY_TOKEN_FILE: '' }, 'r'), undefined)
  t.throws(() => completeS3Options(parseS3Url('s3://bucket?credentials=instance&accessKeyId=a&secretAccessKey=b'), undefined, {}), { name: 'OptionError' })
  t.type(completeS3Options(parseS3Url('s3://bucket?credentials=instance'), undefined, {}).credentials, 'function')
  t.equal(completeS3Options(parseS3Url('s3://bucket?credentials=instance&region=cn-north-1'), undefined, {}).origin.host, 'bucket.s3.cn-north-1.amazonaws.com.cn')
})
