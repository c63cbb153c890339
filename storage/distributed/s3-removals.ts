/** Objects to be deleted: those that come at the same time go in one request, where the server offers that. */
import { StorageError } from '../contract.js'
import type { S3Client } from './s3-client.js'
import { isPassing } from './s3-errors.js'
import { elementsOf, escapeXml, readXml, textOf } from './s3-xml.js'
import { textBody } from './s3-upload.js'

interface Removal {
  readonly key: string
  done (result: Promise<void>): void
}

/** S3 takes no more at once. */
const mostKeys = 1000

export class Removals {
  readonly #client: S3Client
  #waiting: Removal[] = []
  /** Until the server says that it does not know of it. */
  #batches = true

  constructor (client: S3Client) {
    this.#client = client
  }

  /** Resolves when the object is gone, or never was. */
  async remove (key: string): Promise<void> {
    await new Promise<void>(resolve => {
      if (this.#waiting.length === 0) setImmediate(() => { this.#flush() })
      this.#waiting.push({ key, done: resolve })
    })
  }

  #flush (): void {
    const removals = this.#waiting
    this.#waiting = []
    for (let at = 0; at < removals.length; at += mostKeys) {
      const batch = removals.slice(at, at + mostKeys)
      if (batch.length === 1 || !this.#batches) this.#singly(batch)
      else this.#together(batch)
    }
  }

  #singly (removals: readonly Removal[]): void {
    for (const { key, done } of removals) done(this.#one(key))
  }

  async #one (key: string): Promise<void> {
    await this.#client.send({ method: 'DELETE', key, doing: `removing ${key}` }, { tolerate: ({ code, status }) => code === 'NoSuchKey' || (status === 404 && code.startsWith('HTTP')) })
  }

  #together (removals: readonly Removal[]): void {
    this.#batch(removals.map(({ key }) => key)).then(
      failed => {
        // One that failed by itself is asked for alone: that tries again, and says why.
        for (const removal of removals) if (failed?.has(removal.key) === false) removal.done(Promise.resolve())
        this.#singly(removals.filter(({ key }) => failed?.has(key) !== false))
      },
      (error: unknown) => { for (const { done } of removals) done(Promise.reject(error)) })
  }

  /** Which of them are not known to be gone; undefined when the server does not offer this. */
  async #batch (keys: readonly string[]): Promise<ReadonlySet<string> | undefined> {
    const doing = `removing ${keys.length} objects`
    const list = keys.map(key => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('')
    const body = textBody(Buffer.from(`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${list}</Delete>`))
    const answer = await this.#client.send({ method: 'POST', key: '', query: { delete: '' }, headers: { 'content-type': 'application/xml' }, body, doing }, {
      tolerate: refusal => refusal.status === 501 || refusal.status === 405 || (refusal.status === 400 && !isPassing(refusal))
    })
    if (answer === undefined) {
      this.#batches = false
      return undefined
    }
    const result = readXml(answer.text, 'DeleteResult')
    if (result === undefined) throw new StorageError('unavailable', `${doing}: the answer is not that of S3`)
    const failed = elementsOf(result, 'Error').map(error => textOf(error, 'Key'))
    // One of another name: nothing is certain then.
    return new Set(failed.every(key => keys.includes(key)) ? failed : keys)
  }
}
