/** What is said over one socket: the handshake, frames that are wrong, and a question at the end that must be answered, or the connection ended. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { answersIn, type Answers } from './answers.js'
import { places, type Grounds } from './cases.js'
import type { Place } from './draft.js'
import { type Address, connected, exchange, outlasts } from './exchange.js'
import { breakFrame, fragments, frameBytes, framesIn, textFrame, type Frame } from './frames.js'
import { complaintAboutStatus, complaintsAbout, leaksIn, type Secrets } from './judge.js'
import { brokenMessage, enginePacket, enginePayload } from './malformed-messages.js'
import { Random } from './random.js'

export interface Spoken {
  readonly name: string
  /** Frames, or packets of polling, that were sent. */
  readonly frames: number
  /** All that was sent after the handshake. */
  readonly sent: Buffer
  readonly complaints: readonly string[]
  /** Statuses of the answers that came. */
  readonly statuses: readonly number[]
  readonly took: number
}

export interface Listener {
  readonly address: Address
  readonly secrets: Secrets
  /** Milliseconds that the server has to come to an end. */
  readonly bound: number
}

const quiet = 200

/** Close codes that a server may give. 1011 would be a fault of its own. */
const codes: ReadonlySet<number> = new Set([1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 4408])

export async function conversation (seed: number, number: number, grounds: Grounds, listener: Listener): Promise<Spoken> {
  const random = new Random(seed, 2, number)
  const place = grounds.place(number % places)
  const kind = random.below(10)
  if (kind < 5) return await overWebSocket(random, place, listener, '/ws', kind < 2 ? rawFrames : messageFrames, probe)
  const version = random.pick([3, 4])
  if (kind < 8) return await overWebSocket(random, place, listener, `/socket.io/?EIO=${version}&transport=websocket`, packetFrames, version === 4 ? `42["http message",${probe}]` : `42["http message",${probe}]`, version === 4 ? ['40'] : [])
  return await overPolling(random, place, listener, version)
}

/** Asks for something that is always there. Its answer is known by its ID. */
const probe = '{"id":"the last","method":"GET","url":"/data?prefix=nothing-begins-so"}'
const probeAnswered = Buffer.from('"id":"the last"')

function handshake (target: string, { authorization }: Place): string {
  return [`GET ${target} HTTP/1.1`, 'Host: store.example', `Authorization: ${authorization}`, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'].join('\r\n') + '\r\n\r\n'
}

type Frames = (random: Random, place: Place) => Frame[]

/** Broken below the message. */
const rawFrames: Frames = (random, place) => {
  const frame = textFrame(random.once(2) ? '{"method":"GET","url":"/data"}' : brokenMessage(random, place))
  if (random.once(4)) return fragments(random, frame)
  breakFrame(random, frame)
  if (random.once(4)) breakFrame(random, frame)
  return [frame]
}

const messageFrames: Frames = (random, place) => [textFrame(brokenMessage(random, place))]

const packetFrames: Frames = (random, place) => {
  const { text, bytes } = enginePacket(random, place)
  const frame: Frame = { ...textFrame(bytes), opcode: text ? 1 : 2 }
  if (random.once(12)) breakFrame(random, frame)
  return [frame]
}

async function overWebSocket (random: Random, place: Place, listener: Listener, target: string, make: Frames, last: string, first: readonly string[] = []): Promise<Spoken> {
  const frames = Array.from({ length: random.between(1, 12) }, () => make(random, place)).flat()
  const sent = Buffer.concat([...first.map(text => frameBytes(random, textFrame(text))), ...frames.map(frame => frameBytes(random, frame)), ...random.once(20) ? [random.bytes(random.length(200))] : []])
  const began = performance.now()
  const socket = await connected(listener.address)
  try {
    const inbox = new Inbox(socket)
    socket.write(handshake(target, place))
    await Promise.race([inbox.until(() => inbox.bytes.includes('\r\n\r\n')), delay(listener.bound)])
    if (socket.writable) socket.write(sent)
    if (socket.writable) socket.write(frameBytes(random, textFrame(last)))
    const closed = inbox.closed
    // A frame that says it is longer has taken the question in: then only the end of our half tells the server.
    const watch = setInterval(() => {
      if ((inbox.bytes.includes(probeAnswered) || performance.now() - inbox.last > quiet) && socket.writable && socket.writableLength === 0) socket.end()
    }, quiet / 8)
    const hung = await outlasts(closed, listener.bound)
    clearInterval(watch)
    const spoken = { name: target, frames: frames.length, sent, took: performance.now() - began }
    return { ...spoken, ...judged(answersIn(inbox.bytes), hung, listener.secrets) }
  } finally {
    socket.destroy()
  }
}

class Inbox {
  bytes = Buffer.alloc(0)
  last = performance.now()
  readonly closed: Promise<void>
  readonly #socket: Socket

  constructor (socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk])
      this.last = performance.now()
    })
    this.closed = new Promise(resolve => { socket.once('close', () => { resolve() }) })
  }

  /** Resolves when it holds, or the connection has ended. */
  async until (holds: () => boolean): Promise<void> {
    while (!holds() && !this.#socket.destroyed) await Promise.race([once(this.#socket, 'data').catch(() => {}), this.closed])
  }
}

async function delay (milliseconds: number): Promise<void> {
  await new Promise<void>(resolve => { setTimeout(resolve, milliseconds).unref() })
}

function judged (answers: Answers, hung: boolean, secrets: Secrets): Pick<Spoken, 'complaints' | 'statuses'> {
  const complaints = complaintsAbout(answers, secrets)
  if (hung) complaints.push('no end: the connection stayed open')
  const { frames, wrong } = framesIn(answers.upgraded ?? Buffer.alloc(0))
  if (wrong !== undefined) complaints.push(wrong)
  const statuses: number[] = []
  for (const { opcode, payload } of frames) {
    if (opcode === 8) {
      if (payload.length >= 2 && !codes.has(payload.readUInt16BE(0))) complaints.push(`close code ${payload.readUInt16BE(0)}`)
      continue
    }
    if (opcode > 2) continue
    statuses.push(...statusesIn(payload.toString()))
    complaints.push(...leaksIn(payload.toString('latin1'), secrets))
  }
  return { complaints: [...complaints, ...statuses.flatMap(complaintAboutStatus)], statuses }
}

function statusesIn (text: string): number[] {
  return [...text.matchAll(/"status":(\d+),"statusText":/g)].map(([, status]) => Number(status))
}

/** A session of polling: opened, spoken in, closed. */
async function overPolling (random: Random, place: Place, listener: Listener, version: number): Promise<Spoken> {
  const target = `/socket.io/?EIO=${version}&transport=polling`
  const ask = async (method: string, target: string, body?: Buffer): Promise<{ answers: Answers, hung: boolean, took: number }> => {
    const lines = [`${method} ${target} HTTP/1.1`, 'Host: store.example', `Authorization: ${place.authorization}`, 'Connection: close', ...body === undefined ? [] : ['Content-Type: text/plain;charset=UTF-8', `Content-Length: ${body.length}`]]
    const { received, hung, took } = await exchange(listener.address, [Buffer.concat([Buffer.from(lines.join('\r\n') + '\r\n\r\n'), body ?? Buffer.alloc(0)])], listener.bound)
    return { answers: answersIn(received), hung, took }
  }
  const opened = await ask('GET', target)
  const [, sid] = /"sid":"([^"]+)"/.exec(opened.answers.answers[0]?.body.toString() ?? '') ?? []
  const { count, bytes } = enginePayload(random, place, version)
  const common = { name: target, frames: count, sent: bytes }
  if (sid === undefined) return { ...common, complaints: ['no session was opened'], statuses: [], took: opened.took }
  const session = `${target}&sid=${sid}`
  if (version === 4) await ask('POST', session, Buffer.from('40'))
  const posted = await ask('POST', session, bytes)
  // What waits for us, if anything does; then the end of the session.
  const polled = await ask('GET', session)
  const ended = await ask('POST', session, Buffer.from(version === 4 ? '1' : '1:1'))
  const all = [opened, posted, polled, ended]
  const answered = all.flatMap(({ answers }) => answers.answers)
  return {
    ...common,
    complaints: all.flatMap(({ answers, hung }) => [...complaintsAbout(answers, listener.secrets), ...hung ? ['no end: the connection stayed open'] : []]),
    statuses: [...answered.map(({ status }) => status), ...statusesIn(polled.answers.answers.map(({ body }) => body.toString()).join('\n'))],
    took: Math.max(...all.map(({ took }) => took))
  }
}
