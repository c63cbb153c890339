/** Whether what is kept with an object has the shape that the model works with: for who looks for damage. */
import { RecordAttributes } from '../schemas/record.js'
import { Value } from '../schemas/typebox.js'
import type { StoredRecord } from '../storage/contract.js'
import { typeLetter } from './record.js'
import { digitsOf, isHashAlgorithm } from './value-hash.js'

const objects: ReadonlySet<string> = new Set([typeLetter.container, typeLetter.dataObject, typeLetter.reference, typeLetter.containerReference])
const others: ReadonlySet<string> = new Set([typeLetter.partialUpload, typeLetter.transfer])

/** What is wrong: the end of a sentence; undefined: nothing. */
export function recordProblem ({ type, attributes }: Pick<StoredRecord, 'type' | 'attributes'>): string | undefined {
  // What the server keeps for itself has a shape of its own, and no client sees it.
  if (others.has(type)) return undefined
  if (!objects.has(type)) return 'is of a type that this build does not know'
  if (Value.Check(RecordAttributes, attributes)) return wrongFlag(type, attributes)
  const [error] = Value.Errors(RecordAttributes, attributes)
  const place = error === undefined || error.instancePath === '' ? 'attributes' : `the attribute "${error.instancePath.slice(1).replaceAll('/', '.')}"`
  return `has a record that is wrong: ${place} ${error?.message ?? 'cannot be'}`
}

/** What is said in the right form, and cannot be true of any object of this build (CAP-10). */
function wrongFlag (type: string, { hash, reference }: RecordAttributes): string | undefined {
  const leads = type === typeLetter.reference || type === typeLetter.containerReference
  if (leads && reference === undefined) return 'is a reference, and does not say where it leads'
  if (!leads && reference !== undefined) return 'leads elsewhere, and is no reference'
  if (hash === undefined) return undefined
  const [algorithm, digits] = hash
  if (!isHashAlgorithm(algorithm)) return `has a hash of its value by ${JSON.stringify(algorithm)}, which this build does not offer`
  return digits.length === digitsOf(algorithm) && /^[0-9A-Fa-f]*$/.test(digits) ? undefined : `has a hash of its value that is none of ${algorithm}`
}
