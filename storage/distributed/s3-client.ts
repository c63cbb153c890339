/** Requests to an S3-compatible server: signed, counted, timed, tried again. Knows nothing of blobs. */
import { createHash, createHmac } from 'node:crypto'
import { Readable } from 'node:stream'
import { SignatureV4 } from '@smithy/signature-v4'
import { type buildConnector, type Dispatcher, Pool } from 'undici'
import { Registry } from '../../metrics/registry.js'
import { StorageError, StoreClosedError } from '../contract.js'
import { refusalOf, s3Error, S3Refusal } from './s3-errors.js'
import { S3Count } from './s3-count.js'
import { Gate } from './s3-gates.js'
import { Retries } from './s3-retries.js'
import type { S3Credentials, S3CredentialsProvider } from './s3-credentials.js'
import type { S3Settings } from './s3-settings.js'

/** Bytes to send, and what the server is to check of them. */
export interface S3Body {
  readonly chunks: readonly Uint8Array[]
  readonly length: number
  /** Hexadecimal: becomes a part of the signature. */
  readonly sha256?: string | undefined
  /** Base64. */
  readonly md5?: string | undefined
}

export interface S3Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Whole key; '' for the bucket itself. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: S3Body | undefined
  /** Half a sentence for the operator: "writing x". */
  readonly doing: string
}

export interface S3Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** An answer whose body is still to be read. Who takes it calls `end` when done with it, read or not. */
export interface OpenAnswer {
  readonly status: number
  readonly headers: S3Answer['headers']
  readonly body: Readable
  end (): void
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined
  /** Instead of the setting: 0 for a single attempt. */
  readonly retryFor?: number | undefined
  /** Refusals that are good news, too: the call resolves with undefined. */
  readonly tolerate?: ((refusal: S3Refusal) => boolean) | undefined
}

const emptyHash = createHash('sha256').digest('hex')
const errorBody = /^\s*(<\?xml[^>]*>\s*)?<Error[\s>]/
/** Answers that are read whole: a page of a listing is below one MiB. */
const longestAnswer = 8 * 1024 * 1024
/** Bytes a millisecond that even a slow network brings; what is slower is broken. */
const slowest = 32

export class S3Client {
  readonly settings: Omit<S3Settings, 'credentials'>
  readonly #pool: Pool
  readonly #gate: Gate
  /** What is asked, and how it goes. */
  readonly count: S3Count
  /** Bytes of parts that are gathered or sent. */
  readonly memory: Gate
  readonly #signer: SignatureV4
  /** Milliseconds that the server's clock is before ours. */
  #skew = 0
  /** What must not stand in any message. */
  #secrets: readonly string[] = []
  #closed = false

  constructor ({ credentials, ...settings }: S3Settings, connect: buildConnector.BuildOptions = {}, count = new S3Count(new Registry())) {
    this.settings = settings
    this.count = count
    const { timeout, connections, waiting, memory } = settings
    this.#gate = new Gate({ room: connections, waiting, timeout, full: `All ${connections} connections to S3 are busy` })
    this.memory = new Gate({ room: memory, waiting, timeout, full: `Uploads to S3 hold all of the ${memory} bytes that they may` })
    count.read(() => ({ busy: connections - this.#gate.free, waiting: this.#gate.waiting, memory: memory - this.memory.free }))
    this.#pool = new Pool(settings.origin, { connections, pipelining: 1, headersTimeout: timeout, bodyTimeout: timeout, connect: { timeout, ...connect } })
    const noted = (found: S3Credentials): { accessKeyId: string, secretAccessKey: string, sessionToken?: string } => {
      const { accessKeyId, secretAccessKey, sessionToken } = found
      this.#secrets = [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])]
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
    }
    this.#signer = new SignatureV4({
      service: 's3',
      region: settings.region,
      credentials: typeof credentials === 'function' ? async () => noted(await asked(credentials)) : noted(credentials),
      sha256: Sha256,
      uriEscapePath: false,
      applyChecksum: false
    })
  }

  /** Sends until it succeeds or is not worth another try; resolves with the answer, read whole. Throws a StorageError, or the signal's reason. */
  async send (call: S3Call, { signal, retryFor = this.settings.retryFor, tolerate = () => false }: SendOptions = {}): Promise<S3Answer | undefined> {
    const retries = new Retries(retryFor)
    for (;;) {
      try {
        return await this.#attempt(call, signal)
      } catch (error) {
        if (error instanceof S3Refusal && tolerate(error)) return undefined
        await this.#again(retries, error, call, signal)
      }
    }
  }

  /** One attempt; the caller reads the body. Throws what `translate` and Retries understand. */
  async open (call: S3Call, signal?: AbortSignal): Promise<OpenAnswer> {
    const leave = await this.#gate.enter(1, signal)
    try {
      if (this.#closed) throw new StoreClosedError()
      const { statusCode, headers, body } = await this.count.request(call.method, async () => await this.#exchange(call, signal))
      // Whoever reads it hears of its errors; when nobody does they are of no interest.
      body.on('error', () => {})
      return {
        status: statusCode,
        headers,
        body,
        end: () => {
          // After its end this does nothing, before it the connection goes with the rest.
          body.destroy()
          leave()
        }
      }
    } catch (error) {
      leave()
      throw this.#closed ? new StoreClosedError() : error
    }
  }

  /** What goes to the caller for an error of `open`. */
  translate (error: unknown, doing: string): unknown {
    return s3Error(error, doing, text => this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text))
  }

  /** Requests under way fail; later ones, too. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#pool.destroy(new StoreClosedError())
  }

  async #again (retries: Retries, error: unknown, { doing }: S3Call, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) throw signal.reason
    try {
      await retries.after(error, signal)
      this.count.retried()
    } catch (last) {
      if (last === signal?.reason) throw last
      this.count.failed()
      throw this.translate(last, doing)
    }
  }

  /** With a limit to the whole of it: time-outs of silence do not end an exchange that creeps. */
  async #attempt (call: S3Call, signal: AbortSignal | undefined): Promise<S3Answer> {
    const limit = new AbortController()
    const milliseconds = Math.ceil(this.settings.timeout * 2 + (call.body?.length ?? 0) / slowest)
    const timer = setTimeout(() => { limit.abort(Object.assign(new Error(`no whole answer in ${milliseconds} ms`), { code: 'ETIMEDOUT' })) }, milliseconds)
    const stop = (): void => { limit.abort(signal?.reason) }
    signal?.addEventListener('abort', stop)
    try {
      signal?.throwIfAborted()
      const answer = await this.open(call, limit.signal)
      try {
        const text = await readText(answer.body)
        // What takes long is answered with 200 first, and with the error afterwards.
        if (errorBody.test(text)) throw refusalOf(500, answer.headers, text)
        return { headers: answer.headers, text }
      } finally {
        answer.end()
      }
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Anything but a 2xx is thrown. A clock that is wrong is set by the server's, once. */
  async #exchange (call: S3Call, signal: AbortSignal | undefined): Promise<Dispatcher.ResponseData> {
    for (let corrected = false; ; corrected = true) {
      const answer = await this.#request(call, signal)
      if (answer.statusCode >= 200 && answer.statusCode < 300) return answer
      const refusal = refusalOf(answer.statusCode, answer.headers, await readText(answer.body))
      if (refusal.code !== 'RequestTimeTooSkewed' || corrected) throw refusal
      const theirs = Date.parse(String(answer.headers['date']))
      if (Number.isNaN(theirs)) throw refusal
      this.#skew = theirs - Date.now()
    }
  }

  async #request ({ method, key, query = {}, headers = {}, body }: S3Call, signal: AbortSignal | undefined): Promise<Dispatcher.ResponseData> {
    const { origin, path: base } = this.settings
    const path = base + key.split('/').map(escapeUri).join('/')
    const signed = await this.#signer.sign({
      method,
      protocol: origin.protocol,
      hostname: origin.hostname,
      path,
      query: { ...query },
      headers: { ...headers, ...checks(body), host: origin.host }
    }, { signingDate: new Date(Date.now() + this.#skew) })
    const pairs = Object.entries(query).map(([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`)
    return await this.#pool.request({
      method,
      path: pairs.length === 0 ? path : `${path}?${pairs.join('&')}`,
      headers: { ...signed.headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
      ...(body === undefined ? {} : { body: toSend(body) }),
      ...(signal === undefined ? {} : { signal })
    })
  }
}

async function asked (provider: S3CredentialsProvider): Promise<S3Credentials> {
  try {
    return await provider()
  } catch (error) {
    throw new StorageError('unavailable', `There are no credentials for S3 now: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** The headers by which the server checks the bytes it has got. */
function checks (body: S3Body | undefined): Record<string, string> {
  return {
    'x-amz-content-sha256': body === undefined ? emptyHash : body.sha256 ?? 'UNSIGNED-PAYLOAD',
    ...(body?.md5 === undefined ? {} : { 'content-md5': body.md5 })
  }
}

/** In chunks, so that the time-out of silence sees each of them go. */
function toSend ({ chunks }: S3Body): Uint8Array | Readable {
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Readable.from(chunks, { objectMode: false })
}

async function readText (body: Readable): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) continue
    length += chunk.length
    if (length > longestAnswer) throw Object.assign(new Error('the answer is longer than any of S3'), { code: 'EMSGSIZE' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** As the signature wants it: everything but letters, digits and -._~ */
function escapeUri (text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, character => '%' + character.charCodeAt(0).toString(16).toUpperCase())
}

/** SHA-256 and its HMAC, in the form that the signer asks for. */
class Sha256 {
  readonly #secret: string | NodeJS.ArrayBufferView | undefined
  #hash

  constructor (secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret instanceof ArrayBuffer ? new Uint8Array(secret) : typeof secret === 'string' || secret === undefined ? secret : new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
    this.#hash = this.#begin()
  }

  update (data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data))
  }

  async digest (): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset (): void {
    this.#hash = this.#begin()
  }

  #begin (): ReturnType<typeof createHash> | ReturnType<typeof createHmac> {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret)
  }
}
