/** Works with S3 on a machine whose clock is so many hours wrong; prints what it read. */
import { openS3Blobs } from '../../../storage/distributed/s3-blobs.js'

const [options = '{}', hours = '0'] = process.argv.slice(2)
const { now } = Date
Date.now = () => now() + Number(hours) * 3_600_000
const blobs = openS3Blobs(JSON.parse(options))
const { blob } = await blobs.put('01a21400-0000-7000-8000-000000000002', [Buffer.from('x')])
console.log(Buffer.from(await blobs.read(blob, 0, 1)).toString())
await blobs.close()
