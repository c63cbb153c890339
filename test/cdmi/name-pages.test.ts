import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { namePages } from '../../cdmi/name-pages.js'
import type { MetaStore } from '../../storage/contract.js'
import { namePageOf } from '../../storage/name-page.js'
import { textsOf } from '../helpers/name-pages.js'

/** A store that has its answers at once: every third child is a container. */
function numbers (total: number, page: number): Pick<MetaStore, 'names'> & { asked: number } {
  return {
    asked: 0,
    async names (_id, { after, limit }) {
      this.asked++
      const from = after === undefined ? 0 : Number(after) + 1
      const length = Math.min(limit, page, total - from)
      return namePageOf(Array.from({ length }, (_, n) => ({ name: String(from + n), type: (from + n) % 3 === 0 ? 'c' : 'd' })), from + length < total)
    }
  }
}

async function listed (...parameters: Parameters<typeof namePages>): Promise<string[]> {
  const names: string[] = []
  for await (const page of namePages(...parameters)) names.push(...textsOf(page))
  return names
}

t.test('names come page by page; a limit counts those of the type that is wanted', async t => {
  const all = Array.from({ length: 100 }, (_, n) => String(n))
  const objects = all.filter(name => Number(name) % 3 !== 0)
  t.same(await listed(numbers(100, 7), '00', {}), all)
  t.same(await listed(numbers(100, 7), '00', { after: '41' }), all.slice(42))
  t.same(await listed(numbers(100, 7), '00', { type: 'd' }), objects)
  for (const limit of [1, 6, 7, 8, 66, 67, 100]) t.same(await listed(numbers(100, 7), '00', { type: 'd', limit }), objects.slice(0, limit), `${limit}`)
  t.same(await listed(numbers(0, 7), '00', {}), [])
})

t.test('others have their turn between two pages, and who has enough asks for no more', async t => {
  const store = numbers(1000, 10)
  let turns = 0
  const ended = new AbortController()
  const others = (async () => { for (; !ended.signal.aborted; turns++) await setImmediate() })()
  for await (const page of namePages(store, '00', {})) if (textsOf(page).includes('500')) break
  ended.abort()
  await others
  t.equal(store.asked, 51)
  t.ok(turns >= 50, `${turns} turns`)
})
