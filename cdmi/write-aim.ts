/** What a write is aimed at: an object that is there, or the place for one that is to be made. */
import type { Enough, StoredRecord } from '../storage/contract.js'
import { type Address, describe, objectIDRoot } from './address.js'
import type { ModelContext } from './context.js'
import { NotFound } from './errors.js'
import { andThen } from './ready.js'

/**
 * `put` makes what is missing (its parent must exist), `patch` does not; `post` makes a new object that the server names, in a container or
 * without a path at all.
 */
export type WriteAim =
  | { readonly mode: 'put' | 'patch', readonly address: Address }
  | { readonly mode: 'post', readonly container: Address | typeof objectIDRoot }

export interface AimedAt {
  /** From the top down to the parent. */
  readonly ancestors: readonly StoredRecord[]
  /** Undefined: there is nothing yet. */
  readonly record: StoredRecord | undefined
  /** Of the object to be made; undefined: the server's choice. */
  readonly name: string | undefined
}

/**
 * `enough`: for a first look that the commit checks; that answers at once, and throws so, where nothing is to be waited for. Throws NotFound, ParentNotFound, MissingSlash, IsNotContainer,
 * and InvalidName for what may not be made.
 */
export function aimAt (context: ModelContext, aim: WriteAim, enough?: Enough): AimedAt | Promise<AimedAt> {
  if (aim.mode === 'post') return aimInto(context, aim.container, enough)
  const { mode, address } = aim
  // An ID alone names no place: it can be changed, never made.
  if (mode !== 'put' || address.names.length === 0) return aimAtObject(context, address, enough)
  const { namespace } = context
  const place = (enough === 'acknowledged' ? namespace.knownPlace(address) : undefined) ?? namespace.place(address, enough)
  return andThen(place, ({ ancestors, record, name }) => {
    if (address.slash) throw new NotFound(describe(address))
    return { ancestors, record, name }
  })
}

async function aimInto ({ namespace }: ModelContext, container: Address | typeof objectIDRoot, enough: Enough | undefined): Promise<AimedAt> {
  if (container === objectIDRoot) return { ancestors: [], record: undefined, name: undefined }
  const parent = await namespace.parent(container, enough)
  return { ancestors: [...parent.ancestors, parent.record], record: undefined, name: undefined }
}

async function aimAtObject ({ namespace }: ModelContext, address: Address, enough: Enough | undefined): Promise<AimedAt> {
  const { ancestors, record } = await namespace.get(address, false, enough)
  if (address.slash) throw new NotFound(describe(address))
  return { ancestors, record, name: undefined }
}

/** The subject of a write, for the gate's turns. */
export function subjectOf (aim: WriteAim): string {
  if (aim.mode !== 'post') return describe(aim.address)
  return aim.container === objectIDRoot ? '/cdmi_objectid/' : describe(aim.container)
}
