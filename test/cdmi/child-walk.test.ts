import t from 'tap'
import { walkChildren, type WalkStep } from '../../cdmi/child-walk.js'
import type { Entry } from '../../storage/contract.js'

const pageSize = 1000

/** The children of a container at a depth: one container in the middle, so that there is something to come back to. */
function childrenAt (depth: number, deepest: number): Entry[] {
  return Array.from({ length: 2500 }, (_, index) => {
    const name = String(index).padStart(4, '0')
    return { name, id: index === 1200 && depth < deepest ? String(depth + 1) : `${depth}/${name}`, type: index === 1200 && depth < deepest ? 'c' : 'd' }
  })
}

function expected (depth: number, deepest: number): WalkStep[] {
  return childrenAt(depth, deepest).flatMap((entry): WalkStep[] => entry.type === 'c' ? [entry, 'down', ...expected(depth + 1, deepest), 'up'] : [entry])
}

async function * topPages (deepest: number, onEnd: () => void): AsyncGenerator<readonly Entry[]> {
  try {
    yield childrenAt(0, deepest)
  } finally {
    onEnd()
  }
}

t.test('a deep tree of wide containers is walked in order, with a bounded number of children in memory', async t => {
  for (const deepest of [0, 1, 40]) {
    let pages = 0
    let ended = false
    const steps: WalkStep[] = []
    for await (const batch of walkChildren(topPages(deepest, () => { ended = true }), async (container, after) => {
      pages++
      return childrenAt(Number(container), deepest).filter(({ name }) => after === undefined || name > after).slice(0, pageSize)
    })) steps.push(...batch)
    t.same(steps.length, 2500 * (deepest + 1) + 2 * deepest)
    t.same(steps, expected(0, deepest))
    t.ok(ended)
    // Three pages and one that is empty; those that were dropped on the way down are read once more.
    t.ok(pages >= 4 * deepest && pages <= 5 * deepest, `${pages}`)
    if (deepest === 40) t.ok(pages > 4 * deepest, 'the upper levels were dropped')
  }
})

t.test('who stops in the middle ends the source', async t => {
  let ended = false
  const steps = walkChildren(topPages(3, () => { ended = true }), async container => childrenAt(Number(container), 3))
  t.same((await steps.next()).value?.length, 64)
  t.notOk(ended)
  await steps.return(undefined)
  t.ok(ended)
})
