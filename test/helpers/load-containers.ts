/**
 * What a worker of the load does with containers: each has a few objects whose values all carry one stamp, and is made, copied, moved, changed, brought
 * back and removed as a whole, in one request.
 */
import { mintObjectID } from '../../cdmi/object-id.js'
import type { Chance } from './chance.js'
import { cdmiContainer, cdmiObject, type LoadClient, read } from './load-client.js'
import type { Effect, LoadModel } from './load-model.js'
import { json, pathOf, place } from './load-objects.js'

/** What is in each container, and how often it repeats the stamp: values in the record and one that is not. A container has none. */
const shape: ReadonlyArray<readonly [path: string, times: number]> = [['a', 1], ['b', 4000], ['d/', 0], ['d/c', 20]]
const paths = ['', ...shape.map(([path]) => path)]

/** What a container was when it was written down. */
interface Saved {
  /** The data object that has it. */
  readonly url: string
  readonly stamp: string
  readonly ids: readonly string[]
}

interface Tree {
  readonly url: string
  readonly stamp: string
  readonly saved?: Saved
}

export class LoadContainers {
  readonly #model: LoadModel
  readonly #worker: number
  readonly #chance: Chance
  #trees: Tree[] = []
  #made = 0

  constructor (model: LoadModel, worker: number, chance: Chance) {
    this.#model = model
    this.#worker = worker
    this.#chance = chance
  }

  async step (client: LoadClient): Promise<void> {
    // What became of the request under way when the server died: a container that is not there was moved, removed, or never made.
    this.#trees = this.#trees.filter(({ url }) => this.#model.at(url) !== undefined).map(tree => this.#seen(tree))
    const tree = this.#chance.one(this.#trees)
    const action = this.#chance.int(10)
    if (tree === undefined || (action === 0 && this.#trees.length < 4)) return await this.#make(client)
    if (action < 3) return await (this.#trees.length < 4 ? this.#copy(client, tree) : this.#remove(client, tree))
    if (action < 5) return await this.#move(client, tree)
    if (action < 7) return await this.#change(client, tree)
    if (action === 7) return await this.#replace(client, tree)
    if (tree.saved === undefined) return await this.#save(client, tree)
    return await this.#bringBack(client, tree, tree.saved)
  }

  /** With the stamp that it turned out to have: that of its first value. */
  #seen (tree: Tree): Tree {
    const [, stamp = tree.stamp] = /"([^"]+\\n)"/.exec(this.#model.content(tree.url)?.bytes.toString() ?? '') ?? []
    return { ...tree, stamp: stamp.replace('\\n', '\n') }
  }

  #newURL (): string {
    return `${place}w${this.#worker}-tree-${this.#made++}/`
  }

  #newStamp (): string {
    return this.#chance.bytes(15).toString('base64url') + '\n'
  }

  async #make (client: LoadClient): Promise<void> {
    const tree = { url: this.#newURL(), stamp: this.#newStamp() }
    const ids = paths.map(() => mintObjectID())
    this.#trees.push(tree)
    await client.send({ method: 'PUT', url: tree.url, headers: cdmiContainer, body: json({ deserializevalue: serialization(tree.stamp, ids) }) }, holding(tree, ids))
  }

  async #copy (client: LoadClient, { url, stamp }: Tree): Promise<void> {
    const copy = { url: this.#newURL(), stamp }
    this.#trees.push(copy)
    await client.send({ method: 'PUT', url: copy.url, headers: cdmiContainer, body: json({ copy: pathOf(url) }) }, holding(copy))
  }

  async #move (client: LoadClient, tree: Tree): Promise<void> {
    const moved = { ...tree, url: this.#newURL() }
    this.#trees.push(moved)
    await client.send({ method: 'PUT', url: moved.url, headers: cdmiContainer, body: json({ move: pathOf(tree.url) }) }, new Map([[tree.url, undefined], [moved.url, this.#model.content(tree.url)]]))
  }

  async #remove (client: LoadClient, { url, saved }: Tree): Promise<void> {
    await client.send({ method: 'DELETE', url }, new Map([[url, undefined]]))
    if (saved === undefined) return
    // Its IDs are free again: it comes back under another name.
    const again = { url: this.#newURL(), stamp: saved.stamp, saved }
    this.#trees.push(again)
    await client.send({ method: 'PUT', url: again.url, headers: cdmiContainer, body: json({ deserialize: pathOf(saved.url) }) }, holding(again, saved.ids))
  }

  /** Writes it down in a data object. */
  async #save (client: LoadClient, tree: Tree): Promise<void> {
    const url = `${place}w${this.#worker}-saved-${this.#made++}`
    await client.send({ method: 'PUT', url, headers: cdmiObject, body: json({ serialize: pathOf(tree.url) }) }, new Map([[url, { like: (found: Buffer) => isSerialization(found, tree.stamp) }]]))
    this.#model.adopt(url, await read(client.target, url))
    this.#put({ ...tree, saved: { url, stamp: tree.stamp, ids: await this.#idsOf(client, tree) } })
  }

  /** Looks for those that the server gave. */
  async #idsOf (client: LoadClient, { url }: Tree): Promise<string[]> {
    if (this.#model.content(url)?.id === undefined) this.#model.adopt(url, await read(client.target, url))
    return this.#model.content(url)?.id?.split(' ') ?? []
  }

  #put (tree: Tree): void {
    this.#trees = this.#trees.map(one => one.url === tree.url ? tree : one)
  }

  /** Gives all values in it another stamp. */
  async #change (client: LoadClient, tree: Tree): Promise<void> {
    const changed = { ...tree, stamp: this.#newStamp() }
    const ids = await this.#idsOf(client, tree)
    await client.send({ method: 'PATCH', url: tree.url, headers: cdmiContainer, body: json({ deserializevalue: serialization(changed.stamp, ids) }) }, holding(changed, ids))
    this.#put(changed)
  }

  /** Makes it like another one. */
  async #replace (client: LoadClient, tree: Tree): Promise<void> {
    const other = this.#trees.find(({ url }) => url !== tree.url)
    if (other === undefined) return await this.#copy(client, tree)
    const changed = { ...tree, stamp: other.stamp }
    await client.send({ method: 'PATCH', url: tree.url, headers: cdmiContainer, body: json({ copy: pathOf(other.url) }) }, holding(changed))
    this.#put(changed)
  }

  async #bringBack (client: LoadClient, tree: Tree, saved: Saved): Promise<void> {
    const changed = { ...tree, stamp: saved.stamp }
    await client.send({ method: 'PATCH', url: tree.url, headers: cdmiContainer, body: json({ deserialize: pathOf(saved.url) }) }, holding(changed, saved.ids))
    this.#put(changed)
  }
}

/** The container has these values. `ids`: undefined where the server gives them. */
function holding ({ url, stamp }: Tree, ids?: readonly string[]): Effect {
  const values = shape.map(([path, times]) => [path, times === 0 ? null : stamp.repeat(times)])
  return new Map([[url, { bytes: json(values), id: ids?.join(' ') }]])
}

/** Of the container, in Base64. */
function serialization (stamp: string, ids: readonly string[]): string {
  const below = (parent: string): object[] => shape.flatMap(([path, times], index) => {
    if (!path.startsWith(parent) || !/^[^/]+\/?$/.test(path.slice(parent.length))) return []
    const named = { objectName: path.slice(parent.length), objectID: ids[index + 1] }
    return times === 0 ? { objectType: 'application/cdmi-container', ...named, children: below(path) } : { objectType: 'application/cdmi-object', ...named, value: stamp.repeat(times) }
  })
  return json({ objectType: 'application/cdmi-container', objectID: ids[0], children: below('') }).toString('base64')
}

interface Serialized { readonly value?: string, readonly children?: readonly Serialized[] }

/** Whether it is one of all values with this stamp. */
function isSerialization (text: Buffer, stamp: string): boolean {
  const valuesOf = ({ value, children = [] }: Serialized): string[] => [...value === undefined ? [] : [value], ...children.flatMap(valuesOf)]
  const values = valuesOf(JSON.parse(text.toString()) as Serialized)
  return values.join(' ') === shape.filter(([, times]) => times > 0).map(([, times]) => stamp.repeat(times)).join(' ')
}
