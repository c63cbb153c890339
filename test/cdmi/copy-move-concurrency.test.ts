import t, { type Test } from 'tap'
import { formatPath } from '../../cdmi/address.js'
import type { Copy } from '../../cdmi/data-object-copy.js'
import type { Written } from '../../cdmi/data-object-change.js'
import { isContainer } from '../../cdmi/record.js'
import type { Store } from '../../storage/contract.js'
import { at, Cdmi, smallStore, source, valueOf, writer } from '../helpers/model.js'
import { embedded } from '../storage/embedded-driver.js'

/** Who sees what is decided by the order of commits, not by how long a disk takes to flush them: the store is where flushing is quick. */
const drivers: ReadonlyArray<{ name: string, fresh (t: Test): Promise<Store> }> = [{ name: 'embedded', fresh: async t => await (await embedded.place(t)).open() }, { name: 'memory', fresh: async () => smallStore() }]

const all: Pick<Copy, 'selection' | 'said'> = { selection: { fields: undefined, metadata: undefined, range: undefined }, said: {} }

class Door {
  readonly model: Cdmi
  constructor (store: Store) { this.model = new Cdmi(store) }
  async make (...paths: string[]): Promise<void> {
    for (const path of paths) {
      if (path.endsWith('/')) await this.model.containers.create(writer, at(path))
      else await this.write(path, path)
    }
  }

  async write (path: string, value: string): Promise<void> {
    await this.model.dataObjects.write(writer, at(path), 'put', { source: source(value) })
  }

  async move (from: string, to: string): Promise<Written> {
    return await this.model.move(writer, { mode: 'put', address: at(to) }, { source: at(from), kind: to.endsWith('/') ? 'container' : 'dataobject', said: {} })
  }

  async copy (from: string, to: string): Promise<Written> {
    const copy = { source: at(from), ...all }
    return await (to.endsWith('/') ? this.model.copyContainer(writer, at(to), copy) : this.model.copyDataObject(writer, { mode: 'put', address: at(to) }, copy))
  }

  async id (path: string): Promise<string | undefined> {
    return (await this.model.dataObjects.read(writer, at(path), () => []).catch(() => undefined))?.object.record.id
  }

  async names (path: string): Promise<string[]> {
    const { pages } = await this.model.containers.list(writer, at(path))
    const names: string[] = []
    for await (const page of pages) names.push(...page.map(({ name }) => name))
    return names
  }

  /** IDs and paths of all that can be reached from the top. */
  async reachable (): Promise<Map<string, string>> {
    const { store } = this.model
    const found = new Map([[store.rootID, '/']])
    const walk = async (id: string, names: string[]): Promise<void> => {
      for (const entry of await store.meta.children(id, { limit: 100_000 })) {
        if (found.has(entry.id)) throw new Error(`${entry.id} is at two places`)
        found.set(entry.id, formatPath([...names, entry.name], isContainer(entry)))
        await walk(entry.id, [...names, entry.name])
      }
    }
    await walk(store.rootID, [])
    return found
  }
}

const statuses = (results: ReadonlyArray<PromiseSettledResult<unknown>>): Array<number | 'done'> => results.map(result => result.status === 'fulfilled' ? 'done' : result.reason.statusCode ?? result.reason)
const count = (results: ReadonlyArray<PromiseSettledResult<unknown>>, status: number | 'done'): number => statuses(results).filter(one => one === status).length
/** Lets others have their turn: what a store in memory does takes none. */
const turn = async (): Promise<'on'> => await new Promise(resolve => { setImmediate(resolve, 'on') })
const times = (n: number): number[] => Array.from({ length: n }, (_, index) => index)

for (const driver of drivers) {
  t.test(driver.name, async t => {
    t.test('CMV-32: of 100 moves of one object at once one succeeds; it is at one place, under its ID', async t => {
      const door = new Door(await driver.fresh(t))
      await door.make('/o')
      const id = await door.id('/o')
      const results = await Promise.allSettled(times(100).map(n => door.move('/o', `/d${n}`)))
      t.equal(count(results, 'done'), 1)
      t.equal(count(results, 400), 99)
      t.same((await door.names('/')).length, 1)
      t.equal(await door.id('/' + ((await door.names('/'))[0] ?? '')), id)
    })

    t.test('CMV-32: of moves of several objects to one place one succeeds, the others stay where they are', async t => {
      const door = new Door(await driver.fresh(t))
      await door.make(...times(20).map(n => `/o${n}`))
      const results = await Promise.allSettled(times(20).map(n => door.move(`/o${n}`, '/d')))
      t.same([count(results, 'done'), count(results, 409)], [1, 19])
      t.equal((await door.names('/')).length, 20)
    })

    t.test('CMV-21: 100 copies of one object at once, while it changes: each has a value that it had, and an ID of its own', async t => {
      const door = new Door(await driver.fresh(t))
      await door.write('/o', 'value 0 that is not short')
      const [results] = await Promise.all([
        Promise.allSettled(times(100).map(n => door.copy('/o', `/d${n}`))),
        (async () => { for (const n of times(10)) await door.write('/o', `value ${n} that is not short`) })()
      ])
      t.equal(count(results, 'done'), 100)
      const ids = await Promise.all(times(100).map(n => door.id(`/d${n}`)))
      t.equal(new Set([...ids, await door.id('/o')]).size, 101)
      for (const n of times(100)) t.match(String(await valueOf(door.model, `/d${n}`)), /^value \d that is not short$/)
    })

    t.test('CMV-28: 20 copies of a container at once; two to one place', async t => {
      const door = new Door(await driver.fresh(t))
      await door.make('/s/', '/s/d/', '/s/d/o', '/s/p')
      const results = await Promise.allSettled([...times(20).map(n => door.copy('/s/', `/t${n}/`)), door.copy('/s/', '/t0/')])
      t.same([count(results, 'done'), count(results, 409)], [20, 1])
      t.equal((await door.reachable()).size, 1 + 21 * 4)
    })

    t.test('CMV-38: containers that are moved into each other at once never come to be in themselves', async t => {
      const door = new Door(await driver.fresh(t))
      for (const round of times(15)) {
        const [a, b] = [`/a${round}/`, `/b${round}/`]
        await door.make(a, `${a}x/`, `${a}x/y/`, b, `${b}z/`)
        const before = (await door.reachable()).size
        const results = await Promise.allSettled([door.move(a, `${b}z/a/`), door.move(b, `${a}x/y/b/`), door.move(`${a}x/`, `${b}x/`)])
        t.ok(count(results, 'done') >= 1)
        for (const status of statuses(results)) t.ok(['done', 400, 404].includes(status), String(status))
        t.equal((await door.reachable()).size, before, 'nothing is lost')
      }
    })

    t.test('CMV-32, CMV-38: many moves to anywhere, all at once: every object is at one place that leads to the top', async t => {
      const door = new Door(await driver.fresh(t))
      const names = times(12)
      await door.make(...names.map(n => `/c${n}/`), ...names.map(n => `/c${n}/o`))
      const ids = [...(await door.reachable()).keys()]
      let seed = 7
      const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below
      for (const round of times(8)) {
        const paths = [...(await door.reachable()).values()].filter(path => path !== '/')
        const containers = ['/', ...paths.filter(path => path.endsWith('/'))]
        const results = await Promise.allSettled(times(30).map(n => {
          const from = paths[random(paths.length)] ?? '/'
          const to = containers[random(containers.length)] ?? '/'
          return door.move(from, `${to}m${round}-${n}${from.endsWith('/') ? '/' : ''}`)
        }))
        for (const status of statuses(results)) t.ok(['done', 400, 404].includes(status), String(status))
        t.same([...(await door.reachable()).keys()].sort(), [...ids].sort())
      }
      for (const id of ids) t.equal((await door.model.store.meta.lineage(id))[0]?.id, door.model.store.rootID)
    })

    t.test('CMV-32: a move out of a container that is deleted meanwhile: moved, or gone with it', async t => {
      const door = new Door(await driver.fresh(t))
      await door.make('/d/')
      for (const round of times(20)) {
        await door.make('/c/', '/c/b/', '/c/b/o', '/c/o')
        const results = await Promise.allSettled([door.move('/c/o', `/d/o${round}`), door.model.remove(writer, at('/c/')), door.move('/c/b/', `/d/b${round}/`)])
        const [object, removed, container] = statuses(results)
        t.equal(removed, 'done')
        await door.model.store.sweep()
        for (const [status, path, value] of [[object, `/d/o${round}`, '/c/o'], [container, `/d/b${round}/o`, '/c/b/o']] as const) {
          if (status === 'done') t.equal(String(await valueOf(door.model, path)), value)
          else {
            t.equal(status, 400)
            t.equal(await door.id(path), undefined)
          }
        }
        t.equal(await door.id('/c/'), undefined)
      }
    })

    t.test('CMV-32: a move into a container that is deleted meanwhile: gone with it, or not moved', async t => {
      const door = new Door(await driver.fresh(t))
      for (const round of times(20)) {
        await door.make('/c/', '/c/d/', `/o${round}`)
        const results = await Promise.allSettled([door.model.remove(writer, at('/c/')), door.move(`/o${round}`, '/c/d/o')])
        const [, moved] = statuses(results)
        t.ok(moved === 'done' || moved === 404, String(moved))
        t.equal(await door.id(`/o${round}`) === undefined, moved === 'done')
        t.equal(await door.id('/c/d/o'), undefined)
      }
    })

    t.test('CMV-12, CMV-32: while a container moves to and fro, who looks sees it whole, at one place', async t => {
      const door = new Door(await driver.fresh(t))
      await door.make('/s/', '/s/d/', '/s/d/o')
      const moving = (async () => {
        for (const n of times(30)) {
          await (n % 2 === 0 ? door.move('/s/', '/t/') : door.move('/t/', '/s/'))
          await turn()
        }
        return 'ended' as const
      })()
      let looks = 0
      while (await Promise.race([moving, turn()]) !== 'ended') {
        const names = await door.names('/')
        t.equal(names.length, 1)
        const { store } = door.model
        const chains = await Promise.all(['s', 't'].map(async name => (await store.meta.resolve(store.rootID, [name, 'd', 'o'])).length))
        for (const length of chains) t.ok(length === 1 || length === 4, 'all of it, or nothing')
        looks++
      }
      t.ok(looks > 0)
    })

    t.test('CMV-12, COC-66: while a container is copied and replaced, who looks sees all of the old or all of the new', async t => {
      const door = new Door(await driver.fresh(t))
      await door.make('/a/', '/b/', '/t/')
      const sets = { a: times(20).map(n => `a${n}`).sort(), b: times(30).map(n => `b${n}`).sort() }
      await Promise.all([...sets.a.map(name => door.make(`/a/${name}`)), ...sets.b.map(name => door.make(`/b/${name}`))])
      await door.model.replaceContainer(writer, at('/t/'), { source: at('/a/'), ...all })
      const changing = (async () => {
        for (const n of times(10)) {
          await door.model.replaceContainer(writer, at('/t/'), { source: at(n % 2 === 0 ? '/b/' : '/a/'), ...all })
          await door.copy('/t/', `/copy${n}/`)
          await turn()
        }
        return 'ended' as const
      })()
      while (await Promise.race([changing, turn()]) !== 'ended') {
        for (const name of (await door.names('/')).filter(name => name !== 'a' && name !== 'b')) {
          const names = await door.names(`/${name}/`)
          t.same(names, names[0]?.startsWith('a') === true ? sets.a : sets.b)
        }
      }
    })

    t.test('CMV-12, CMV-28: a copy of a container that is being written to is what that was at one moment', async t => {
      const door = new Door(await driver.fresh(t))
      await door.make('/s/')
      await door.write('/s/a', '0')
      await door.write('/s/z', '0')
      const stop = new AbortController()
      const writing = (async () => {
        for (let n = 1; !stop.signal.aborted; n++) {
          await door.write('/s/a', String(n))
          await door.write('/s/z', String(n))
          // Later ones come first in the order of names.
          await door.make(`/s/m${String(10_000 - n)}`)
          await turn()
        }
      })()
      try {
        for (const n of times(15)) {
          await door.copy('/s/', `/t${n}/`)
          const [a, z] = [Number(await valueOf(door.model, `/t${n}/a`)), Number(await valueOf(door.model, `/t${n}/z`))]
          t.ok(a === z || a === z + 1, `${a} and ${z}`)
          const made = (await door.names(`/t${n}/`)).filter(name => name.startsWith('m')).length
          t.ok(made === z || made === z - 1, `${made} made when z was ${z}`)
          await turn()
        }
      } finally {
        stop.abort()
        await writing
      }
    })

    t.test('CMV-13: what the change log says: a copy is made and copied, a move renames, a reference is a reference', async t => {
      const store = await driver.fresh(t)
      const door = new Door(store)
      await door.make('/c/', '/c/d/', '/c/d/o')
      const from = await store.meta.lastSequence()
      await door.copy('/c/d/o', '/o')
      await door.copy('/c/', '/e/')
      await door.move('/o', '/c/p')
      await door.move('/c/d/', '/f/')
      await door.model.createReference(writer, { mode: 'put', address: at('/r') }, '/o')
      await door.model.copyDataObject(writer, { mode: 'patch', address: at('/c/p') }, { source: at('/f/o'), ...all })
      await door.model.remove(writer, at('/r'))
      const log = (await store.meta.events(from, 100)).map(({ event }) => [event['operation'], event['parentURI'], event['objectName'], event['type'], event['formerParentURI'], event['formerName']].filter(part => part !== undefined).join(' '))
      t.same(log, [
        'create / o d', 'copy / o d', 'create / e c', 'copy / e c', 'create /e/ d c', 'create /e/d/ o d',
        'rename /c/ p d / o', 'rename / f c /c/ d', 'reference / r r', 'modify /c/ p d', 'delete / r r'
      ])
    })
  })
}
