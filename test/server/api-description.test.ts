import t from 'tap'
import SwaggerParser from '@apidevtools/swagger-parser'
import { builtServer } from '../helpers/built-server.js'

interface Description {
  readonly openapi: string
  readonly paths: Record<string, Record<string, { security?: unknown[], summary?: string, tags?: string[] }>>
}

t.test('/-/docs/json is a valid description by OpenAPI 3.1', async t => {
  const { app } = await builtServer(t)
  const { statusCode, headers, body } = await app.inject('/-/docs/json')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^application\/json/)
  const description = JSON.parse(body) as Description
  t.match(description.openapi, /^3\.1\./)
  await t.resolves(SwaggerParser.validate(JSON.parse(body)))
  await t.rejects(SwaggerParser.validate({ ...JSON.parse(body), paths: { x: 5 } }), 'the check can fail')
})

t.test('the description has every door, each route once, with a summary', async t => {
  const { app } = await builtServer(t)
  const { paths } = JSON.parse((await app.inject('/-/docs/json')).body) as Description
  const listed = Object.fromEntries(Object.entries(paths).map(([path, methods]) => [path, Object.keys(methods).sort()]))
  t.same(listed['/{*}'], ['delete', 'get', 'options', 'patch', 'post', 'put'])
  t.ok(listed['/data']?.includes('get'))
  for (const method of ['get', 'post', 'put', 'patch', 'delete']) t.ok(listed['/data/{*}']?.includes(method), method)
  for (const path of ['/ws', '/-/health', '/-/ready']) t.ok(listed[path]?.includes('get'), path)
  t.same(Object.keys(listed).filter(path => path.startsWith('/cdmi/2.0.0') || path.startsWith('/-/docs')), [], 'the second mount and the description itself are not described')
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { summary, tags }] of Object.entries(methods)) t.ok(summary !== undefined && tags !== undefined, `${method} ${path}`)
  }
})

t.test('the description of a URI has what both plain HTTP and CDMI do there, and says of neither that it is missing', async t => {
  const { app } = await builtServer(t)
  const { body } = await app.inject('/-/docs/json')
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, { tags: string[], summary: string, description: string, parameters?: Array<{ name: string }>, responses: Record<string, { description: string }> }>> }
  for (const [method, header, status] of [['get', 'range', '206'], ['put', 'content-range', '204'], ['patch', 'content-range', '204'], ['post', 'x-cdmi-partial', '303']] as const) {
    const operation = paths['/{*}']?.[method]
    t.same(operation?.tags, ['plain HTTP', 'CDMI'], method)
    t.match(operation?.description, /\*\*Plain HTTP\.\*\* .*\n\n\*\*CDMI\.\*\* /, method)
    t.ok(operation?.parameters?.some(({ name }) => name === header), `${method}: ${header}`)
    t.ok(operation?.responses[status], `${method}: ${status}`)
    t.match(operation?.responses['406']?.description, /cannot be made/)
    if (method !== 'get') t.match(operation?.responses['415']?.description, /content coding/)
  }
  t.notMatch(body, /not offer it yet|does not take/)
})

t.test('the description says which routes need no credentials', async t => {
  const { app } = await builtServer(t)
  const { paths } = JSON.parse((await app.inject('/-/docs/json')).body) as Description
  for (const path of ['/-/health', '/-/ready', '/ws']) t.same(paths[path]?.['get']?.security, [], path)
  t.equal(paths['/{*}']?.['get']?.security, undefined, 'those that need them follow the rule for all')
})

t.test('the page and all that it loads is here, without credentials, and names no other host', async t => {
  const { app } = await builtServer(t)
  const page = await app.inject('/-/docs/')
  t.match(page.headers['content-type'], /^text\/html/)
  const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source = '']) => source)
  t.ok(sources.length >= 4)
  for (const source of sources) {
    const { pathname, host } = new URL(source, 'http://here/-/docs/')
    t.equal(host, 'here', source)
    t.equal((await app.inject(pathname)).statusCode, 200, source)
  }
  t.notMatch(page.body, /https?:/)
  t.match((await app.inject('/-/docs/static/swagger-initializer.js')).body, '"validatorUrl":null', 'no badge of a validator elsewhere')
})

t.test('without docs there is no description', async t => {
  const { app } = await builtServer(t, { docs: false })
  for (const path of ['/-/docs', '/-/docs/', '/-/docs/json']) t.not((await app.inject(path)).statusCode, 200, path)
})
