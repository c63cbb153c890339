/** A place where nothing is yet, for what cannot replace anything: moved objects, references, copied containers. */
import { type Address, describe } from './address.js'
import type { ModelContext } from './context.js'
import { AlreadyExists, IsNotContainer, IsReference, MissingSlash, PreconditionFailed } from './errors.js'
import type { Place } from './namespace.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'

/**
 * Throws AlreadyExists for whatever is there, of any kind, or PreconditionFailed when the request counted with that; ParentNotFound; NotFound for an ID
 * that is not there: nothing can be made at it.
 */
export async function freePlace (context: ModelContext, address: Address, preconditions: Preconditions | undefined): Promise<Place> {
  const place = await placeOf(context, address, preconditions)
  checkPreconditions(preconditions, place.record, false)
  if (place.record !== undefined) throw new AlreadyExists(describe(address))
  return place
}

/** The same, but a record of the right kind may be there: its preconditions are the caller's to check. */
export async function placeOf ({ namespace }: ModelContext, address: Address, preconditions: Preconditions | undefined): Promise<Place> {
  try {
    if (address.names.length > 0) return await namespace.place(address)
    await namespace.get(address)
  } catch (error) {
    if (!(error instanceof IsReference || error instanceof IsNotContainer || error instanceof MissingSlash)) throw error
  }
  throw taken(describe({ ...address, slash: false }), preconditions)
}

/** What a request is refused with that would make something at a place where there is something of another kind. */
export function taken (shown: string, preconditions: Preconditions | undefined): Error {
  if (preconditions?.ifNoneMatch === '*') return new PreconditionFailed(`If-None-Match: *: ${shown} exists already`)
  return new AlreadyExists(shown)
}
