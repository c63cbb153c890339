/** Damaged values, for people: which objects they belong to. */
import type { DamagedBlob } from '../storage/transfer.js'

/** Those that are printed; all are in the JSON. */
const mostPrinted = 50

export function printDamaged (damaged: readonly DamagedBlob[]): void {
  for (const { problem, objects } of damaged.slice(0, mostPrinted)) {
    process.stdout.write(`${problem}; it belongs to ${objects.map(({ objectID, path }) => path ?? objectID).join(', ') || 'nothing that can be found'}\n`)
  }
  if (damaged.length > mostPrinted) process.stdout.write(`… and ${damaged.length - mostPrinted} more; --json lists them\n`)
}
