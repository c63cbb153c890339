/** Whether what is kept with an object has the shape that the model works with: for who looks for damage. */
import { RecordAttributes } from '../schemas/record.js'
import { Value } from '../schemas/typebox.js'
import type { StoredRecord } from '../storage/contract.js'
import { typeLetter } from './record.js'

const objects: ReadonlySet<string> = new Set([typeLetter.container, typeLetter.dataObject, typeLetter.reference, typeLetter.containerReference])
const others: ReadonlySet<string> = new Set([typeLetter.partialUpload, typeLetter.transfer])

/** What is wrong: the end of a sentence; undefined: nothing. */
export function recordProblem ({ type, attributes }: Pick<StoredRecord, 'type' | 'attributes'>): string | undefined {
  // What the server keeps for itself has a shape of its own, and no client sees it.
  if (others.has(type)) return undefined
  if (!objects.has(type)) return 'is of a type that this build does not know'
  if (Value.Check(RecordAttributes, attributes)) return undefined
  const [error] = Value.Errors(RecordAttributes, attributes)
  const place = error === undefined || error.instancePath === '' ? 'attributes' : `the attribute "${error.instancePath.slice(1).replaceAll('/', '.')}"`
  return `has a record that is wrong: ${place} ${error?.message ?? 'cannot be'}`
}
