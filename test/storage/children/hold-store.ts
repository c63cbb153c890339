/** Opens a store, says so (or why not), and holds it until its input ends. Arguments: directory. */
import { StorageError } from '../../../storage/contract.js'
import { openStore } from '../../../storage/open-store.js'

try {
  const store = await openStore({ directory: process.argv[2] ?? '' })
  process.stdout.write('open\n')
  process.stdin.resume().once('end', () => { store.close().catch((error: unknown) => { throw error }) })
} catch (error) {
  process.stdout.write(`${error instanceof StorageError ? error.reason : 'error'} ${String(error)}\n`)
}
