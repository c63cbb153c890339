/** A store in which something takes long: until the test says that it is done. */
import type { MetaStore, Store } from '../../storage/contract.js'

export interface HeldStore {
  readonly store: Store
  /** From now on everything is as fast as ever. */
  release (): void
}

/** Trees are not read before they are released. */
export function holdingTrees (store: Store): HeldStore {
  const gate = closed()
  const meta = new Proxy(store.meta, {
    get (target, name) {
      if (name !== 'tree') return bound(target, name)
      const tree: MetaStore['tree'] = async (...parameters) => {
        await gate.opened
        return await target.tree(...parameters)
      }
      return tree
    }
  })
  return { store: { ...store, meta }, release: gate.open }
}

/** Values in blobs are read up to their middle. */
export function holdingValues (store: Store): HeldStore {
  const gate = closed()
  const { blobs } = store
  return {
    store: {
      ...store,
      blobs: {
        put: async (...parameters) => await blobs.put(...parameters),
        async * get (blob, offset, length) {
          const half = Math.floor(length / 2)
          yield * blobs.get(blob, offset, half)
          await gate.opened
          yield * blobs.get(blob, offset + half, length - half)
        },
        read: async (...parameters) => await blobs.read(...parameters),
        remove: async blob => { await blobs.remove(blob) },
        list: lease => blobs.list(lease),
        dropLease: async lease => { await blobs.dropLease(lease) }
      }
    },
    release: gate.open
  }
}

function closed (): { readonly opened: Promise<void>, open (): void } {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  return { opened, open: () => { open() } }
}

function bound (target: MetaStore, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name)
  return typeof member === 'function' ? member.bind(target) : member
}
