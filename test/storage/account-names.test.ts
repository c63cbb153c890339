import t from 'tap'
import { accountKey } from '../../storage/embedded/counting.js'
import { filledStore, harmed, repaired, verified } from './verify-store.js'

const filled = await filledStore(t, { counts: true })

t.test('an account whose name has other bytes than were written is found, and gone after a repair', async t => {
  const directory = await harmed(t, filled, ({ usage }) => {
    const key = accountKey('owner:alice')
    const row = Buffer.from(usage.getBinary(key) ?? '')
    const other = Buffer.from(key)
    // No text has such a byte.
    other[2] = 0xff
    usage.putSync(other, row)
  })
  t.match((await verified(directory)).findings, [{ kind: 'usage', problem: /^What is counted has an account with a name that none has, 6f77ff/ }])
  t.match(await repaired(directory), [{ kind: 'usage', done: 'it is gone' }])
  t.same((await verified(directory)).findings, [])
})
