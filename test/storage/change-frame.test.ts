/** Changes on their way to the writer: few things are packed at once, many in turns of the event loop, and both say the same. */
import t from 'tap'
import type { Change } from '../../storage/contract.js'
import { decodeChange, encodeChange } from '../../storage/embedded/change-frame.js'
import { mintObjectID } from '../../storage/object-id.js'
import { aValue } from './driver.js'

const ids = (count: number): string[] => Array.from({ length: count }, () => mintObjectID(32473))

t.test('a change of very many objects is what all its parts are, each packed as one of its own', async t => {
  for (const count of [0, 1, 15, 16, 199, 200, 201, 415]) {
    const change: Change = {
      expect: ids(count).map((id, version) => ({ id, version })),
      put: Array.from({ length: count }, (_, n) => aValue(`value ${n}`)),
      remove: ids(count).map((id, version) => ({ id, version, subtree: version % 2 === 0 })),
      events: Array.from({ length: count }, (_, n) => ({ operation: 'create', n })),
      limits: [{ account: 'owner:ann', bytes: 7 }],
      trees: ids(1)
    }
    const whole = decodeChange(await encodeChange(change))
    const parts = await Promise.all([...change.expect.keys()].map(async n => decodeChange(await encodeChange({
      expect: change.expect.slice(n, n + 1),
      put: change.put?.slice(n, n + 1) ?? [],
      remove: change.remove?.slice(n, n + 1) ?? [],
      events: change.events.slice(n, n + 1)
    }))))
    for (const list of ['expect', 'put', 'remove', 'events'] as const) t.strictSame(whole[list], parts.flatMap(part => [...part[list]]), `${count}: ${list}`)
    t.strictSame([whole.limits, whole.trees, whole.lease, whole.births], [change.limits, change.trees, null, []])
  }
})
