import t from 'tap'
import { openMemoryStore, type Store } from '../../../index.js'
import { eventually } from '../../helpers/eventually.js'
import { RawClient } from '../../helpers/raw-http.js'
import { build, listen } from '../plain/build.js'

const mebibyte = 1024 * 1024

t.test('an answer that waits behind another one when their connection ends lets go of what it reads', async t => {
  const memory = openMemoryStore()
  const { blobs } = memory
  let reading = 0
  let begun = 0
  let release = (): void => {}
  const held = new Promise<void>(resolve => { release = resolve })
  const store: Store = {
    ...memory,
    blobs: {
      put: async (...parameters) => await blobs.put(...parameters),
      async * get (...parameters) {
        reading++
        try {
          if (++begun === 1) await held
          yield * blobs.get(...parameters)
        } finally {
          reading--
        }
      },
      read: async (...parameters) => await blobs.read(...parameters),
      remove: async blob => { await blobs.remove(blob) },
      list: lease => blobs.list(lease),
      dropLease: async lease => { await blobs.dropLease(lease) }
    }
  }
  const app = await build(t, { store })
  const { port } = await listen(app)
  for (const url of ['/first', '/second']) await app.inject({ method: 'PUT', url, payload: Buffer.alloc(10 * mebibyte) })
  const client = await RawClient.open(t, port)
  // Without a server that looks at their turns both are worked on at once.
  for (const url of ['/first', '/second']) client.sendHeader(`GET ${url} HTTP/1.1`, 'Host: x')
  await eventually('both are read', () => reading === 2)
  client.socket.destroy()
  await eventually('the second one is not read any more', () => reading === 1, 10_000)
  release()
  await eventually('neither is', () => reading === 0, 10_000)
})
