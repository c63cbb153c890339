/** A place where nothing is yet, for what cannot replace anything: moved objects, references, copied containers. */
import { type Address, describe } from './address.js'
import type { ModelContext } from './context.js'
import { AlreadyExists, IsNotContainer, IsReference, MissingSlash } from './errors.js'
import type { Place } from './namespace.js'

/** Throws AlreadyExists for whatever is there, of any kind; ParentNotFound; NotFound for an ID that is not there: nothing can be made at it. */
export async function freePlace (context: ModelContext, address: Address): Promise<Place> {
  const place = await placeOf(context, address)
  if (place.record !== undefined) throw new AlreadyExists(describe(address))
  return place
}

/** The same, but a record of the right kind may be there. */
export async function placeOf ({ namespace }: ModelContext, address: Address): Promise<Place> {
  try {
    if (address.names.length > 0) return await namespace.place(address)
    await namespace.get(address)
  } catch (error) {
    if (!(error instanceof IsReference || error instanceof IsNotContainer || error instanceof MissingSlash)) throw error
  }
  throw new AlreadyExists(describe({ ...address, slash: false }))
}
