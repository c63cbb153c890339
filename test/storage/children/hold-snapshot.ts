/** Takes a snapshot of a store, says so, and holds it until it is killed. Arguments: directory. */
import { takeSnapshot } from '../../../storage/backup/take-snapshot.js'

const snapshot = await takeSnapshot({ directory: process.argv[2] ?? '' }, error => { throw error })
await snapshot.meta.wholes({ limit: 1, size: 1 })
process.stdout.write('open\n')
process.stdin.resume()
