/** Servers on loopback that objects are taken from. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { CdmiOptions } from '../../index.js'
import { build, type BuildOptions, listen } from '../routes/plain/build.js'
import { type Client, client } from '../routes/cdmi/client.js'

/** Answers the origin. Closed with the test. */
export async function otherServer (t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Another instance of the plugin, listening. */
export async function otherStore (t: Test, options: BuildOptions = {}): Promise<Client & { readonly origin: string }> {
  const app = await build(t, options)
  const { origin } = await listen(app)
  return { ...client(app, options.prefix ?? ''), origin }
}

/** The options under which objects may be taken from these. */
export function allowing (...origins: string[]): CdmiOptions {
  return { remoteSources: origins.map(origin => ({ origin, privateAddresses: true })) }
}

export async function taking (t: Test, options: CdmiOptions, more: BuildOptions = {}): Promise<Client> {
  return client(await build(t, { ...more, options }), more.prefix ?? '')
}
