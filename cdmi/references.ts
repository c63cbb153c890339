/** References: objects that lead to other URIs, which need not exist (GEN-46 to GEN-52, CMV-39 to CMV-44). They are made and deleted, never changed. */
import { requireAccess } from './access.js'
import { objectIDRoot } from './address.js'
import type { ModelContext } from './context.js'
import type { Written } from './data-object-change.js'
import { Contention, InvalidRequest } from './errors.js'
import { freePlace } from './free-place.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { ownerNameOf } from './quotas.js'
import { typeLetter } from './record.js'
import { newReference } from './reference-record.js'
import { parseURIPath } from './uri-path.js'
import { aimAt, subjectOf, type WriteAim } from './write-aim.js'

/** Longest target, in bytes: it has to fit into a header of an answer. */
const longest = 8192

// eslint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f-\u009f]/
/** What a URI may have in it (RFC 3986 §2): none of it can end a header. */
const uriCharacters = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]*$/

/** Throws InvalidRequest or InvalidName for what no answer could lead to. A CDMI path may have its names raw. */
export function checkTarget (target: string): void {
  if (!target.isWellFormed() || control.test(target)) throw new InvalidRequest('The URI in "reference" has control characters, or is not valid Unicode')
  if (Buffer.byteLength(target) > longest) throw new InvalidRequest(`The URI in "reference" is longer than ${longest} bytes`)
  if (!/^[a-z][a-z0-9+.-]*:/i.test(target)) {
    parseURIPath(target)
    return
  }
  if (!/^https?:\/\/[^/?#]/i.test(target) || !URL.canParse(target)) throw new InvalidRequest('"reference" takes a path like "/container/object", or an absolute URI that begins with "http://" or "https://"')
  if (!uriCharacters.test(target)) throw new InvalidRequest('The URI in "reference" has characters that must be percent-escaped in a URI')
}

/** Makes a reference at a free place; at a URI with a slash one to a container. Throws AlreadyExists, ParentNotFound, NotFound, InvalidRequest, CapabilityMissing. */
export async function createReference (context: ModelContext, principal: Principal, aim: WriteAim, target: string, preconditions?: Preconditions): Promise<Written> {
  requireAccess(principal, 'write')
  const { capabilities, namespace, gate } = context
  capabilities.require('system', 'cdmi_references')
  if (aim.mode === 'post' && aim.container === objectIDRoot) capabilities.require('system', 'cdmi_create_reference_by_ID')
  else capabilities.require('container', 'cdmi_create_reference')
  checkTarget(target)
  const id = namespace.newID()
  const type = aim.mode !== 'post' && aim.address.slash ? typeLetter.containerReference : typeLetter.reference
  const done = await gate.mutate(principal, subjectOf(aim), async () => {
    const { ancestors, name } = aim.mode === 'post' ? await aimAt(context, aim) : await freePlace(context, aim.address, preconditions)
    if (aim.mode === 'post') checkPreconditions(preconditions, undefined, false)
    const put = newReference(id, type, ancestors.at(-1), name ?? id, target, ownerNameOf(principal))
    return {
      changes: [{ operation: 'reference' as const, ancestors, before: undefined, put }],
      written: { object: { record: put, ancestors }, created: true }
    }
  })
  if (done === undefined) throw new Contention()
  return done.written
}
