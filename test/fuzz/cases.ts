/** Case by number: the same seed and number make the same bytes again, but for the IDs that the server has given. */
import { bytesOf, type Draft, type Place } from './draft.js'
import { breakBody } from './malformed-bodies.js'
import { misframed, smuggled } from './malformed-framing.js'
import { breakHead } from './malformed-heads.js'
import { Random } from './random.js'
import { rightRequest } from './requests.js'

/** What is sent over one connection. */
export interface Case {
  readonly name: string
  /** Sent one after the other, so that the server sees the request in pieces. */
  readonly pieces: readonly Buffer[]
  /** Most answers that there may be, where more would mean that a hidden request was carried out. */
  readonly answers?: number
}

/** How many places there are: cases that run at the same time have places of their own, mostly. */
export const places = 16

export interface Grounds {
  place (number: number): Place
  /** A whole request that must never be carried out. */
  readonly hidden: Buffer
}

/**
 * Of so many cases with a wrong password one is tried: each costs the server a hash, as many a minute as its limit of failures lets it, and that would be
 * most of what a run takes.
 */
const wrongLogIns = 20

export function requestCase (seed: number, number: number, grounds: Grounds): Case {
  const random = new Random(seed, 1, number)
  const place = grounds.place(number % places)
  for (let tries = 0; tries < 20; tries++) {
    const made = anyCase(random, place, grounds)
    const bytes = Buffer.concat(made.pieces)
    if (hasWrongLogIn(bytes, place) && !random.once(wrongLogIns)) continue
    if (made.answers !== undefined || !endangers(bytes)) return made
  }
  throw new Error(`case ${number} of seed ${seed} does not come about`)
}

function anyCase (random: Random, place: Place, { hidden }: Grounds): Case {
  const kind = random.below(100)
  if (kind < 3) return garbage(random)
  const draft = brokenRequest(random, place, kind >= 17)
  if (kind < 15) return { name: `${draft.name}, framing`, pieces: pieces(random, misframed(random, draft)) }
  if (kind < 17) return { name: `${draft.name}, smuggling`, pieces: [smuggled(random, draft, hidden)], answers: 1 }
  if (kind < 22) return pipelined(random, place, draft)
  return { name: draft.name, pieces: pieces(random, bytesOf(draft, random)) }
}

/** A request with one to three things wrong above its framing. */
function brokenRequest (random: Random, place: Place, broken: boolean): Draft {
  const draft = rightRequest(random, place)
  if (!broken) return draft
  for (let n = random.between(1, 3); n > 0; n--) {
    const inBody = draft.body === undefined ? random.once(12) : random.once(2)
    if (inBody) breakBody(random, draft)
    else breakHead(random, draft)
  }
  return draft
}

/** Bytes that are no HTTP, or only the beginning of it. */
function garbage (random: Random): Case {
  const bytes = random.bytes(1 + random.length(3000))
  const begun = random.pick(['', '', 'GET ', 'GET / HTTP/1.1\r\n', 'PUT /play/ HTTP/1.1\r\nHost: h\r\n', '\r\n\r\n'])
  return { name: 'garbage', pieces: pieces(random, Buffer.concat([Buffer.from(begun), bytes])) }
}

/** Several requests at once, the broken one among them. */
function pipelined (random: Random, place: Place, draft: Draft): Case {
  const drafts = Array.from({ length: random.between(1, 4) }, () => rightRequest(random, place))
  drafts.splice(random.below(drafts.length + 1), 0, draft)
  for (const one of drafts.slice(0, -1)) one.headers = one.headers.filter(([name]) => name.toLowerCase() !== 'connection')
  return { name: `${draft.name}, pipelined`, pieces: pieces(random, Buffer.concat(drafts.map(one => bytesOf(one, random)))) }
}

/** Mostly at once; now and then in some pieces. */
function pieces (random: Random, bytes: Buffer): Buffer[] {
  if (!random.once(6) || bytes.length < 2) return [bytes]
  const cuts = [0, ...Array.from({ length: random.between(1, 4) }, () => random.below(bytes.length)), bytes.length].sort((a, b) => a - b)
  return cuts.slice(1).map((cut, n) => bytes.subarray(cuts[n], cut)).filter(piece => piece.length > 0)
}

/** Whether credentials are whole, and not those of the place. */
function hasWrongLogIn (bytes: Buffer, { authorization }: Place): boolean {
  for (const [, token = ''] of bytes.toString('latin1').matchAll(/authorization[ \t]*:\s*basic\s+(\S+)/gi)) {
    if (!authorization.endsWith(` ${token}`) && Buffer.from(token, 'base64').includes(':')) return true
  }
  return false
}

const own = /play\/c\d+\/|data\/fuzz-\d/
const sources = /copy|move|deserial/

/**
 * Whether a right server might do as told, and touch what is watched: a mutation can shorten the path of what is to be deleted to that of
 * something above it. Such a case would prove nothing.
 */
export function endangers (bytes: Buffer): boolean {
  const text = bytes.toString('latin1').replace(/%([2-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  for (const [, target = ''] of text.matchAll(/DELETE\s+(\S*)/gi)) if (!own.test(target)) return true
  if (!sources.test(text)) return false
  for (const [, target = ''] of text.matchAll(/(?:PUT|PATCH)\s+(\S*)/g)) if (!own.test(target)) return true
  return false
}
