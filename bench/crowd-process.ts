/** The process of a crowd, so that what it costs is not in the times of other requests. It is told who is to be there, and tells who is, whenever it is asked. */
import { setTimeout } from 'node:timers/promises'
import type { Join, Member, Place } from './crowd-member.js'
import { idleSocketIo, idleWebSocket } from './idle-sockets.js'
import { slowDownload, slowUpload } from './slow-clients.js'

const joins = { webSockets: idleWebSocket, socketIo: idleSocketIo, uploads: slowUpload, downloads: slowDownload } satisfies Record<string, Join>

export type MemberKind = keyof typeof joins
export type CrowdSize = Readonly<Record<MemberKind, number>>

export interface CrowdState {
  readonly size: CrowdSize
  /** How often somebody was sent away and came again. */
  readonly rejoined: CrowdSize
  /** Why somebody was not let in, the last time. */
  readonly refused?: string | undefined
}

export type CrowdOrder = { readonly do: 'join', readonly place: Place, readonly size: CrowdSize } | { readonly do: 'tell' } | { readonly do: 'leave' }

const kinds: readonly MemberKind[] = ['webSockets', 'socketIo', 'uploads', 'downloads']
/** Who comes in at the same time. */
const atOnce = 50
/** Milliseconds until somebody who was sent away, or not let in, comes again; and how often in succession. */
const pause = 1000
const mostTries = 30

const inside: Record<MemberKind, Set<Member>> = { webSockets: new Set(), socketIo: new Set(), uploads: new Set(), downloads: new Set() }
const rejoined = { webSockets: 0, socketIo: 0, uploads: 0, downloads: 0 }
let refused: string | undefined
let numbers = 0
let over = false

/** Comes in, now or a little later. */
async function enter (kind: MemberKind, place: Place): Promise<void> {
  for (let tries = 1; tries <= mostTries; tries++) {
    try {
      await stay(kind, place)
      return
    } catch (error) {
      refused = error instanceof Error ? error.message : String(error)
      await setTimeout(pause)
      if (over) return
    }
  }
}

/** Is there until all leave: again and again, when it is sent away. */
async function stay (kind: MemberKind, place: Place): Promise<void> {
  const own = new Set<Member>()
  const left = (): void => {
    for (const member of own) inside[kind].delete(member)
    own.clear()
    if (over) return
    rejoined[kind]++
    setTimeout(pause).then(async () => { await enter(kind, place) }, () => {})
  }
  const member = await joins[kind](place, left, numbers++)
  own.add(member)
  inside[kind].add(member)
}

async function join (place: Place, size: CrowdSize): Promise<void> {
  const all = kinds.flatMap(kind => new Array<MemberKind>(size[kind]).fill(kind))
  while (all.length > 0) await Promise.all(all.splice(0, atOnce).map(async kind => { await enter(kind, place) }))
}

function state (): CrowdState {
  const size = Object.fromEntries(kinds.map(kind => [kind, inside[kind].size])) as CrowdSize
  return { size, rejoined: { ...rejoined }, refused }
}

function leave (): void {
  over = true
  for (const kind of kinds) for (const member of inside[kind]) member.leave()
}

process.on('message', (order: CrowdOrder) => {
  if (order.do === 'leave') leave()
  const ready = order.do === 'join' ? join(order.place, order.size) : Promise.resolve()
  ready.then(() => { process.send?.(state()) }, (error: unknown) => { throw error })
})
process.on('disconnect', () => { process.exit() })
