/** What is known here of engine.io's inside: how it writes and reads the payloads of polling. A version that does it otherwise is to be found by this. */
import type { IncomingMessage } from 'node:http'
import { Server as EngineServer } from 'engine.io'
import fc from 'fast-check'
import t from 'tap'
import { PayloadTurns, type PayloadParser, type PollingTransport } from '../../../plugins/sockets/payload-turns.js'

interface Packet { readonly type: string, readonly data?: unknown }
type Encode = (packets: readonly Packet[], ...rest: unknown[]) => void

/** A transport as engine.io makes it, and what its parser writes. */
function transportOf (protocol: 3 | 4, binary: boolean): { transport: PollingTransport, encode: (packets: readonly Packet[]) => string | Buffer } {
  const engine = new EngineServer({ allowEIO3: true })
  const request = { _query: { EIO: String(protocol) }, headers: {} }
  const transport = engine['createTransport']('polling', request as unknown as IncomingMessage) as unknown as PollingTransport
  const { encodePayload } = transport.parser as PayloadParser & { encodePayload: Encode }
  const encode = (packets: readonly Packet[]): string | Buffer => {
    let written: string | Buffer = ''
    const done = (payload: string | Buffer): void => { written = payload }
    if (protocol === 3) encodePayload(packets, binary, done)
    else encodePayload(packets, done)
    return written
  }
  return { transport, encode }
}

function decode ({ parser, protocol }: PollingTransport, payload: string | Buffer): Packet[] {
  const packets: Packet[] = []
  const take = (packet: Packet): void => { packets.push(packet) }
  if (protocol === 3) parser.decodePayload(payload, take)
  else parser.decodePayload(payload)?.forEach(take)
  return packets
}

const packet: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({ type: fc.constantFrom('message', 'ping', 'pong', 'noop'), data: fc.string({ minLength: 1, unit: 'grapheme' }).filter(text => !text.includes('\x1e')) }),
  fc.uint8Array({ minLength: 1 }).map(bytes => ({ type: 'message', data: Buffer.from(bytes) }))
)

for (const [name, protocol, binary] of [['4', 4, false], ['3, as text', 3, false], ['3, as bytes', 3, true]] as const) {
  t.test(`taken in turns, a payload of protocol ${name} is what engine.io itself takes it for, also where it is none`, async t => {
    await fc.assert(fc.asyncProperty(fc.array(packet, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 30 }), fc.option(fc.nat()), async (some, times, cut) => {
      const { transport, encode } = transportOf(protocol, binary)
      const whole = encode(Array.from({ length: times }, () => some).flat())
      const payload = cut === null ? whole : whole.slice(0, cut % whole.length)
      // What engine.io makes of half of a binary one is nothing to rely on.
      if (binary && cut !== null) return
      const expected = decode(transport, payload)
      const turns = new PayloadTurns(transport, async () => {})
      const taken: Packet[] = []
      const { parser } = transport
      const take = (one: Packet): void => { taken.push(one) }
      if (protocol === 3) parser.decodePayload(payload, take)
      else parser.decodePayload(payload)?.forEach(take)
      await turns.taken()
      t.strictSame(taken, expected)
    }), { numRuns: 60 })
  })
}
