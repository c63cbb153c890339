/** Damaged values, for people: which objects they belong to. */
import type { Unreadable } from '../storage/backup/unreadable.js'
import type { DamagedBlob, LostObject } from '../storage/transfer.js'

/** Those that are printed; all are in the JSON. */
const mostPrinted = 50

export function printDamaged (damaged: readonly DamagedBlob[], output: NodeJS.WritableStream = process.stdout): void {
  for (const { problem, objects } of damaged.slice(0, mostPrinted)) {
    output.write(`${problem}; it belongs to ${objects.map(({ objectID, path }) => path ?? objectID).join(', ') || 'nothing that can be found'}\n`)
  }
  if (damaged.length > mostPrinted) output.write(`… and ${damaged.length - mostPrinted} more; --json lists them\n`)
}

/** Objects that are there without their value, or not at all: on standard error, for people and beside the JSON. `done`: what happened to all others. */
export function printLost (lost: readonly LostObject[], done: 'moved' | 'restored'): void {
  for (const { objectID, path, kept, blobs } of lost) process.stderr.write(`${kept ? `${done} without its value` : 'left out'}: ${path ?? 'no path'} (object ${objectID}, ${blobs.length === 1 ? 'blob' : 'blobs'} ${blobs.join(', ')})\n`)
}

/** What a backup has not of a store, since it could not be read. */
export function printLeftOut (leftOut: readonly Unreadable[], output: NodeJS.WritableStream = process.stdout): void {
  for (const { problem } of leftOut.slice(0, mostPrinted)) output.write(`left out: ${problem}\n`)
  if (leftOut.length > mostPrinted) output.write(`… and ${leftOut.length - mostPrinted} more; --json lists them\n`)
}
