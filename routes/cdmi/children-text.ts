/** The field `children` of extended and recursive listings (ECL-01 to ECL-07), as a stream. */
import { shownName } from '../../cdmi/containers.js'
import type { WalkStep } from '../../cdmi/child-walk.js'
import { inheritedMetadata, passedOn } from '../../cdmi/metadata.js'
import type { Cdmi } from '../../cdmi/model.js'
import type { CdmiObject } from '../../cdmi/record.js'
import { rawPath, type Surroundings } from '../../cdmi/representation.js'
import type { Entry, JsonObject, StoredRecord } from '../../storage/contract.js'
import type { ChildFields } from './child-fields.js'

/** Bytes of text that are gathered before they are sent. */
const chunkSize = 64 * 1024
/** Records in memory at a time: each may have a value and much metadata in it. */
const recordsAtOnce = 64

export interface ChildrenOf {
  readonly cdmi: Cdmi
  readonly container: CdmiObject
  /** The children of the container itself that were asked for. */
  readonly pages: AsyncIterable<readonly Entry[]>
  readonly recursive: boolean
  /** Undefined: names only. */
  readonly fields: ChildFields | undefined
}

/** A JSON array. */
export async function * childrenText ({ cdmi, container, pages, recursive, fields }: ChildrenOf): AsyncGenerator<Uint8Array> {
  const way = new Way(container, fields?.wants('parentURI') === true)
  let text = '['
  let first = true
  for await (const steps of recursive ? cdmi.containers.walk(pages) : inBatches(pages)) {
    const children = steps.filter(step => typeof step !== 'string')
    const records = fields === undefined ? [] : await cdmi.containers.records(children)
    await fields?.prepare(records)
    let at = 0
    for (const step of steps) {
      if (step === 'up') {
        text += ']'
        first = false
        way.up()
        continue
      }
      if (!first) text += ','
      if (step === 'down') {
        text += '['
        first = true
        way.down()
        continue
      }
      first = false
      const record = records[at++]
      way.pass(step, record)
      if (fields === undefined) {
        text += JSON.stringify(shownName(step))
        continue
      }
      const whole = fields.text(step, record, way.surroundings)
      if (whole !== undefined) {
        text += whole
        continue
      }
      for await (const piece of fields.write(step, record, way.surroundings)) {
        if (typeof piece === 'string') {
          text += piece
          continue
        }
        yield Buffer.from(text)
        text = ''
        yield * piece
      }
      if (text.length < chunkSize) continue
      yield Buffer.from(text)
      text = ''
    }
    if (text.length < chunkSize) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(`${text}]`)
}

async function * inBatches (pages: AsyncIterable<readonly Entry[]>): AsyncGenerator<readonly WalkStep[]> {
  for await (const page of pages) {
    for (let at = 0; at < page.length; at += recordsAtOnce) yield page.slice(at, at + recordsAtOnce)
  }
}

interface Level {
  readonly name: string
  readonly id: string
  readonly inherited: JsonObject
}

/** Where the walk is: what is above the children that come by. Each level costs the same, however deep it lies; only paths get longer. */
class Way {
  readonly #top: string
  readonly #withPaths: boolean
  readonly #levels: Level[]
  #last: { readonly entry: Entry, readonly record: StoredRecord | undefined } | undefined
  #surroundings: Surroundings | undefined

  /** `withPaths`: somebody wants to see them. */
  constructor ({ record, ancestors }: CdmiObject, withPaths: boolean) {
    this.#withPaths = withPaths
    const chain = [...ancestors, record]
    this.#top = rawPath(chain)
    this.#levels = [{ name: '', id: record.id, inherited: inheritedMetadata(chain) }]
  }

  /** A child comes by. */
  pass (entry: Entry, record: StoredRecord | undefined): void {
    this.#last = { entry, record }
  }

  /** Into the child that came by last. */
  down (): void {
    const above = this.#levels.at(-1)?.inherited ?? {}
    const { entry, record } = this.#last ?? {}
    this.#levels.push({ name: `${entry?.name ?? ''}/`, id: entry?.id ?? '', inherited: record === undefined ? above : passedOn(above, record) })
    this.#surroundings = undefined
  }

  up (): void {
    this.#levels.pop()
    this.#surroundings = undefined
  }

  /** Of the children at this level. */
  get surroundings (): Surroundings {
    this.#surroundings ??= {
      parent: { parentURI: this.#withPaths ? this.#top + this.#levels.map(({ name }) => name).join('') : '', parentID: this.#levels.at(-1)?.id ?? '' },
      inherited: this.#levels.at(-1)?.inherited ?? {}
    }
    return this.#surroundings
  }
}
