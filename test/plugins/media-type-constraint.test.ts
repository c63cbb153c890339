import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { addMediaTypeConstraint } from '../../plugins/media-type-constraint.js'
import { adminHeader, keyedApp } from '../helpers/keyed-app.js'

const authorization = adminHeader

function everything (app: FastifyInstance): void {
  app.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
  app.route({ method: ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'], url: '/*', handler: async () => 'the other door' })
  app.get('/hello', async () => 'hello')
}

t.test('on one mount a request that names a CDMI media type goes past the keyed door, any other to it', async t => {
  const { app } = await keyedApp(t, { shared: true, before: everything })
  await app.ready()
  const headersOfCdmi: Array<Record<string, string>> = [
    { accept: 'application/cdmi-object' },
    { accept: 'text/html, Application/CDMI-Object+json;q=0.5' },
    { 'content-type': 'application/cdmi-object' },
    { 'x-cdmi-specification-version': '1.1.1' }
  ]
  for (const headers of headersOfCdmi) {
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS'] as const) {
      for (const url of ['/data', '/data/k', '/data/a/b']) {
        const { statusCode, body } = await app.inject({ method, url, headers: { authorization, ...headers } })
        t.equal(statusCode, 200, `${method} ${url} ${Object.keys(headers)[0]}`)
        if (method !== 'HEAD') t.equal(body, 'the other door')
      }
    }
  }
  for (const headers of [{}, { accept: '*/*' }, { accept: 'text/html' }, { 'content-type': 'application/json' }]) {
    t.equal((await app.inject({ url: '/data', headers: { authorization, ...headers } })).body, '[]')
    t.equal((await app.inject({ url: '/data/k', method: 'HEAD', headers: { authorization, ...headers } })).statusCode, 404)
  }
  t.equal((await app.inject({ url: '/data', method: 'OPTIONS', headers: { authorization } })).statusCode, 204)
})

t.test('routes without the constraint take both, and a second instance may ask for it again', async t => {
  const { app } = await keyedApp(t, { shared: true, before: everything })
  addMediaTypeConstraint(app)
  t.equal((await app.inject({ url: '/hello', headers: { accept: 'application/cdmi-object' } })).body, 'hello')
  t.equal((await app.inject({ url: '/hello' })).body, 'hello')
  t.equal((await app.inject({ url: '/hello', method: 'HEAD', headers: { accept: 'application/cdmi-object' } })).statusCode, 200)
})

t.test('where nothing else is mounted a CDMI request to the keyed door finds nothing', async t => {
  const { app } = await keyedApp(t, { shared: true })
  t.equal((await app.inject({ url: '/data', headers: { authorization, accept: 'application/cdmi-container' } })).statusCode, 404)
})
