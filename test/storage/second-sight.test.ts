import tap from 'tap'
import { mintObjectID } from '../../cdmi/object-id.js'
import { SecondSight } from '../../storage/embedded/second-sight.js'

tap.test('An object that was asked for a short time ago is worth keeping, one that is seen for the first time is not', async t => {
  const sight = new SecondSight()
  const ids = Array.from({ length: 1000 }, () => mintObjectID(0))
  const first = ids.filter(id => sight.again(id))
  const second = ids.filter(id => sight.again(id))
  t.same(first, [])
  // A few have had their places taken by others.
  t.ok(second.length > 900, `${second.length} of ${ids.length} were known again`)
})

tap.test('Of very many objects that are read once hardly any is kept', async t => {
  const sight = new SecondSight()
  let kept = 0
  for (let n = 0; n < 300_000; n++) if (sight.again(mintObjectID(0))) kept++
  t.ok(kept < 30, `${kept} were kept`)
})
