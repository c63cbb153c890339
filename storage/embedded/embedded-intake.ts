/** The way to fill an embedded store with all that another one has. Reads happen here and now, writes go to the writer. */
import { StorageError, type BlobID } from '../contract.js'
import type { Intake } from '../transfer/ends.js'
import { beginnings } from './intake-writer.js'
import { encodeJson } from './json-codec.js'
import { encodeWholes, type WireStep } from './wire.js'

export interface IntakeParts {
  /** Answers the number that the step answers. */
  submit (item: WireStep): Promise<number>
  moved (blobs: readonly BlobID[]): ReadonlyArray<BlobID | undefined>
}

export function embeddedIntake ({ submit, moved }: IntakeParts): Intake {
  return {
    async begin ({ rootID, last }) {
      const beginning = beginnings[await submit({ kind: 'beginIntake', root: rootID, last })]
      if (beginning === undefined) throw new StorageError('unavailable', 'The writer does not say whether the store can be filled')
      return beginning
    },
    async moved (blobs) { return moved(blobs) },
    async move (lease, from, { blob, size, hash }) { return await submit({ kind: 'move', lease, from, birth: [blob, size, hash] }) === 1 },
    async take (wholes, gone) { await submit({ kind: 'take', wholes: await encodeWholes(wholes), gone: gone.map(id => Buffer.from(id, 'hex')) }) },
    async log (entries) { await submit({ kind: 'log', entries: entries.map(({ sequence, event }) => [sequence, encodeJson(event)]) }) },
    async finish (last) { await submit({ kind: 'finishIntake', last }) }
  }
}
