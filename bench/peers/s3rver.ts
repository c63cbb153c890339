/** s3rver, an S3 server for tests in Node.js, over a directory; asked without credentials. Nothing is flushed before an answer. */
import { join } from 'node:path'
import { fillWith } from '../asking.js'
import { freePort, startChild } from '../child-server.js'
import { form, plainJobs } from '../jobs.js'
import { fetchPackage } from '../npm-cache.js'
import { type Peer, PeerMissing } from './contestant.js'

const version = '3.7.1'

export const s3rver: Peer = {
  name: 's3rver',
  streams: true,
  async start ({ directory, cache }) {
    const place = await fetchPackage(cache, 's3rver', version).catch((error: unknown) => {
      throw new PeerMissing(`s3rver could not be fetched from npm: ${error instanceof Error ? error.message.split('\n', 1)[0] : String(error)}`)
    })
    const port = await freePort()
    const bin = join(place, 'node_modules/s3rver/bin/s3rver.js')
    const server = await startChild({ name: this.name, port, command: process.execPath, args: [bin, '--silent', '--directory', directory, '--address', '127.0.0.1', '--port', String(port), '--configure-bucket', 'bench'] })
    // A list is in pages of 1,000 at most, so it has none of 10,000.
    const jobs = { ...plainJobs({ small: '/bench/small/', large: '/bench/large/' }), W6: { method: 'POST', path: '/bench', keys: 'none' as const, ...form({ key: 'form/file.bin' }) } }
    return { name: this.name, version, server, jobs, async fill () { await fillWith(server, [jobs.W3, jobs.W4]) } }
  }
}
