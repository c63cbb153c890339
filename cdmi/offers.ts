/** What an operator has to offer beyond what the software itself can do. */
import type { Json } from '../storage/contract.js'

/** Data system metadata that an object takes on with a template (CSE-02). */
export type Template = Readonly<Record<string, Json>>
/** Templates of one class of objects, by name. */
export type Templates = Readonly<Record<string, Template>>

export interface Offers {
  readonly templates?: { readonly dataobject?: Templates | undefined, readonly container?: Templates | undefined } | undefined
  /** Whether other servers may be asked for objects. */
  readonly remoteSources?: boolean | undefined
  /** Where the store keeps its data, by the operator's own names (AFF-01). It keeps all of it at each of them. */
  readonly locations?: readonly string[] | undefined
}
