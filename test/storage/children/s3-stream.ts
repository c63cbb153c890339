/** Writes a long blob to S3 and reads it back; prints what it was and by how much the process grew at most. */
import { crc32 } from 'node:zlib'
import { openS3Blobs } from '../../../storage/distributed/s3-blobs.js'

const [options = '{}', mebibytes = '1'] = process.argv.slice(2)
const blobs = openS3Blobs(JSON.parse(options))
const lease = '01a21400-0000-7000-8000-000000000300'

// Both ways once, so that the measure is of the bytes and not of code that is loaded.
const first = await blobs.put(lease, [Buffer.alloc(1000)])
await blobs.read(first.blob, 0, 1000)

const before = process.memoryUsage.rss()
let most = before
const look = (): void => { most = Math.max(most, process.memoryUsage.rss()) }

async function * source (): AsyncGenerator<Buffer> {
  for (let chunk = 0; chunk < Number(mebibytes) * 16; chunk++) {
    look()
    // New each time, like what comes from a socket.
    const bytes = Buffer.allocUnsafeSlow(65_536)
    bytes.fill(chunk & 0xff)
    bytes.writeUInt32LE(chunk)
    yield bytes
    await new Promise(setImmediate)
  }
}

const { blob, size, hash } = await blobs.put(lease, source())
let sum = 0
for await (const chunk of blobs.get(blob, 0, size)) {
  sum = crc32(chunk, sum)
  look()
}
await blobs.remove(blob)
await blobs.close()
console.log(JSON.stringify({ size, hash, readHash: 'crc32:' + sum.toString(16).padStart(8, '0'), grownMiB: Math.round((most - before) / 1024 ** 2) }))
