/** Bodies as sources: all bytes in order, no more than are asked for, and what is left for the next reader. */
import t from 'tap'
import { Readable } from 'node:stream'
import { bodyOf } from '../../../routes/http/source.js'
import { collect } from '../../storage/driver.js'

const chunk = 64 * 1024

/** A body of so many chunks, each filled with its number; counts those that were taken from it. */
function aBody (chunks: number): { body: Readable, given: () => number } {
  let given = 0
  const body = new Readable({
    highWaterMark: chunk,
    read () {
      setImmediate(() => { this.push(given < chunks ? Buffer.alloc(chunk, given++) : null) })
    }
  })
  return { body, given: () => given }
}

t.test('all bytes come, in their order, at the speed of the reader', async t => {
  const { body, given } = aBody(40)
  let read = 0
  for await (const bytes of bodyOf(body)) {
    for (let turn = 0; turn < 4; turn++) await new Promise(resolve => setImmediate(resolve))
    t.ok(bytes.length === chunk && bytes.every(byte => byte === read))
    read++
    t.ok(given() - read <= 8, 'what has arrived and was not asked for is bounded')
  }
  t.equal(read, 40)
})

t.test('whoever stops early leaves all the rest', async t => {
  const { body } = aBody(20)
  const early = bodyOf(body)
  const { value: first } = await early.next()
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
  t.equal(first?.[0], 0)
  await early.return?.(undefined)
  t.equal(body.destroyed, false)
  const rest = await collect(bodyOf(body))
  t.equal(rest.length, 19 * chunk)
  t.same([rest[0], rest.at(-1)], [1, 19])
})

t.test('a body without bytes ends; so does one that has been read', async t => {
  t.equal((await collect(bodyOf(Readable.from([])))).length, 0)
  const { body } = aBody(1)
  await collect(bodyOf(body))
  t.equal((await collect(bodyOf(body))).length, 0)
})

t.test('a connection that is lost is an error, whether somebody waits for bytes or not', async t => {
  const lost = { code: 'CDMI_INCOMPLETE_BODY' }
  const waiting = bodyOf(new Readable({ read () {} }))
  const { body } = aBody(3)
  const between = bodyOf(body)
  await between.next()
  body.destroy(new Error('reset'))
  await t.rejects((async () => { while ((await between.next()).done !== true); })(), lost)
  const silent = new Readable({ read () {} })
  const asked = bodyOf(silent).next()
  silent.destroy()
  await t.rejects(asked, lost)
  t.same(await waiting.return?.(undefined), { done: true, value: undefined })
  t.same(await waiting.next(), { done: true, value: undefined })
})
