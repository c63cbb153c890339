/** What came back for one request. */
import type { IncomingHttpHeaders } from 'node:http'
import { holds, isFields, type Fields } from './expect.js'

export class Answer {
  constructor (
    /** Method and path, to name the request by. */
    readonly request: string,
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
    readonly bytes: Buffer
  ) {}

  get text (): string {
    return this.bytes.toString()
  }

  header (name: string): string {
    const value = this.headers[name]
    holds(typeof value === 'string', `${this.request} answered ${this.status} without the header ${name}`)
    return value
  }

  /** Media type without parameters, in lower case; '' without one. */
  get type (): string {
    return (this.headers['content-type'] ?? '').replace(/;.*/s, '').trim().toLowerCase()
  }

  /** The body as a JSON object. */
  get fields (): Fields {
    const value = this.json
    holds(isFields(value), `the body of ${this.request} is no JSON object: ${this.text.slice(0, 200)}`)
    return value
  }

  get json (): unknown {
    try {
      const value: unknown = JSON.parse(this.text)
      return value
    } catch {
      holds(false, `the body of ${this.request} (${this.status}) is not JSON: ${this.text.slice(0, 200)}`)
    }
  }
}
