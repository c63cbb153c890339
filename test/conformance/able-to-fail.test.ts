import t, { type Test } from 'tap'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { titleOf } from './suite/case.js'
import { suite } from './suite/index.js'
import { readOffers } from './suite/offers.js'
import { runCases } from './suite/run-case.js'
import { Server } from './suite/server.js'

type Kind = (request: IncomingMessage) => readonly [status: number, body: string]

/** Servers that do nothing, but have a scratch container made, without which no case would begin. */
const kinds: Readonly<Record<string, Kind>> = {
  'refuses everything': () => [400, ''],
  'knows nothing': () => [404, ''],
  'says yes to everything': ({ method }) => method === 'PUT' || method === 'POST' ? [201, '{}'] : method === 'PATCH' || method === 'DELETE' ? [204, ''] : [200, '{}']
}

/** What even they do. */
const kept = new Set(['GEN-05: Every answer is dated.'])

const scratch = /^\/conformance-[0-9a-f]{16}\/$/

async function served (t: Test, kind: Kind): Promise<Server> {
  const http = createServer((request, response) => {
    request.resume().once('end', () => {
      const [status, body] = request.method === 'PUT' && scratch.test(request.url ?? '') ? [201, ''] as const : kind(request)
      response.writeHead(status, { location: '/x/cdmi_objectid/00', 'content-type': request.headers.accept ?? 'application/json' })
      response.end(status === 204 ? undefined : body)
    })
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  const server = new Server({ root: `http://127.0.0.1:${typeof address === 'object' ? address?.port ?? 0 : 0}/`, user: 'somebody', password: 'secret' })
  t.after(async () => {
    await server.close()
    http.closeAllConnections()
    http.close()
  })
  return server
}

for (const [what, kind] of Object.entries(kinds)) {
  await t.test(`every case can fail: a server that ${what} passes none`, async t => {
    const server = await served(t, kind)
    const outcomes = await runCases(server, await readOffers(server), suite, 16)
    const passed = suite.filter((_each, index) => outcomes[index]?.status === 'passed').map(titleOf)
    t.same(passed.filter(title => !kept.has(title)), [])
    t.ok(outcomes.some(({ status }) => status === 'failed'))
  })
}
