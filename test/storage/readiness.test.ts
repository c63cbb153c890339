import t from 'tap'
import { StorageError } from '../../storage/contract.js'
import { Readiness } from '../../storage/readiness.js'

t.test('a part that says nothing: each who asks hears of it in bounded time, one look is made for all, and when the part speaks again the store is ready', async t => {
  let speak: (() => void) | undefined
  let looks = 0
  const silence = async (): Promise<void> => {
    looks++
    await new Promise<void>(resolve => { speak = resolve })
  }
  const readiness = new Readiness([{ part: 'records', check: async () => {} }, { part: 'values', check: silence }], { lasts: 0, patience: 50 })
  const silent = { name: 'StorageError', reason: 'unavailable', part: 'values' }
  await Promise.all([t.rejects(readiness.ready(), silent), t.rejects(readiness.ready(), silent)])
  await t.rejects(readiness.ready(), silent, 'and who comes later hears it at once')
  t.equal(looks, 1)
  speak?.()
  await readiness.ready()
  t.equal(looks, 1, 'that look has come to its end')
  const next = readiness.ready()
  t.equal(looks, 2)
  speak?.()
  await next
})

t.test('an answer holds for a while; one that says no says of which part, and a defect is passed on as it is', async t => {
  let error: Error | undefined = new StorageError('permission', 'the secret words of a server')
  let looks = 0
  const check = async (): Promise<void> => {
    looks++
    if (error !== undefined) throw error
  }
  const readiness = new Readiness([{ part: 'records', check }], { lasts: 60_000, patience: 60_000 })
  for (let n = 0; n < 3; n++) await t.rejects(readiness.ready(), { name: 'StorageError', reason: 'permission', part: 'records', message: 'the secret words of a server' })
  t.equal(looks, 1)
  error = new TypeError('a defect')
  await t.rejects(new Readiness([{ part: 'records', check }]).ready(), error)
  error = undefined
  await new Readiness([{ part: 'records', check }]).ready()
})

t.test('a part that says nothing is asked once, however often another one fails meanwhile', async t => {
  let speak: (() => void) | undefined
  let looks = 0
  let failure: Error | undefined = new StorageError('unavailable', 'refused')
  const away = async (): Promise<void> => { if (failure !== undefined) throw failure }
  const silence = async (): Promise<void> => {
    looks++
    await new Promise<void>(resolve => { speak = resolve })
  }
  const readiness = new Readiness([{ part: 'records', check: away }, { part: 'values', check: silence }], { lasts: 0, patience: 60_000 })
  for (let n = 0; n < 3; n++) await t.rejects(readiness.ready(), { name: 'StorageError', reason: 'unavailable', part: 'records' })
  t.equal(looks, 1)
  failure = undefined
  speak?.()
  await new Promise(resolve => { setImmediate(resolve) })
  const next = readiness.ready()
  t.equal(looks, 2)
  speak?.()
  await next
})
