/** A body of JSON is read whole, and nobody keeps it who is done with it. */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { IncompleteBody, TooLarge } from '../../../cdmi/errors.js'
import { readBody } from '../../../routes/keyed/read-body.js'
import { eventually } from '../../helpers/eventually.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const limit = 1_000_000

t.test('a body that was read is not kept by its request, which a connection keeps until its next one', async t => {
  for (const [pieces, announced] of [[1, '1000'], [4, '1000'], [1, undefined], [4, undefined]] as const) {
    const stream = new PassThrough()
    // In a function of its own: what it has on its stack is gone when it returns.
    const read = async (): Promise<WeakRef<Buffer>> => {
      const reading = readBody(stream, announced, limit)
      for (let n = 0; n < pieces; n++) stream.write(Buffer.alloc(1000 / pieces, n))
      stream.end()
      const body = await reading
      t.equal(body.length, 1000)
      return new WeakRef(body)
    }
    const body = await read()
    await eventually('nobody has the body', () => {
      collect()
      return body.deref() === undefined
    })
    t.ok(stream.listenerCount('end') > 0, 'and its listeners are there')
  }
})

t.test('a request that closes when its body was read has no error made for it', async t => {
  const { captureStackTrace } = Error
  let made = 0
  t.teardown(() => { Error.captureStackTrace = captureStackTrace })
  Error.captureStackTrace = (...given) => {
    made++
    captureStackTrace(...given)
  }
  const whole = new PassThrough()
  const reading = readBody(whole, '3', limit)
  whole.end('123')
  await reading
  if (!whole.closed) await once(whole, 'close')
  t.equal(made, 0)
  const broken = new PassThrough()
  const refused = readBody(broken, '3', limit)
  broken.destroy()
  await t.rejects(refused, IncompleteBody)
  t.ok(made > 0, 'what is counted are errors such as these')
})

t.test('what is too long, or not as long as was announced, is refused; what comes later is nobody\'s business', async t => {
  const cases: ReadonlyArray<[pieces: readonly number[], announced: string | undefined, error: new (...given: never[]) => Error, ends: boolean]> = [
    [[600_000, 600_000], undefined, TooLarge, true],
    [[], '1000001', TooLarge, false],
    [[10], '11', IncompleteBody, true],
    [[10], '9', IncompleteBody, true],
    [[10], '11', IncompleteBody, false]
  ]
  for (const [pieces, announced, error, ends] of cases) {
    const stream = new PassThrough()
    const reading = readBody(stream, announced, limit)
    for (const piece of pieces) stream.write(Buffer.alloc(piece))
    if (ends) stream.end()
    else stream.destroy()
    await t.rejects(reading, error)
    // Nobody has looked at what is refused by its announced length.
    if (pieces.length > 0) t.doesNotThrow(() => stream.emit('error', new Error('too late')))
  }
})
