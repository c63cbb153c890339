/**
 * Objects of other servers, over HTTP (CMV-27, CMV-37). Only servers that the operator named are asked, also after a redirect; where they are in the
 * network is checked of the very addresses that are connected to. No proxy of the environment, no cookie, no cache.
 */
import type { Dispatcher } from 'undici'
import { SourceUnusable } from '../cdmi/errors.js'
import type { RemoteObject, RemoteSources } from '../cdmi/remote-sources.js'
import type { RemoteSource } from '../schemas/options.js'
import { AllowList, type AllowedOrigin, defaultPatience, forbiddenAddress, isForbiddenAddress, type LookupAll, type Patience } from './remote-sources/allow-list.js'
import { announced, receiveAnswer, requireReadable } from './remote-sources/answer.js'
import { Pace } from './remote-sources/pace.js'

export interface RemoteSourcesParts {
  readonly patience?: Partial<Patience>
  readonly lookup?: LookupAll
}

type Answer = Dispatcher.ResponseData

const mostRedirects = 5
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** CDMI's form where there is one, else the value. */
const accept = 'application/cdmi-object, */*;q=0.5'

/** Throws OptionError. */
export function openRemoteSources (sources: readonly RemoteSource[], { patience, lookup }: RemoteSourcesParts = {}): RemoteSources & { close (): Promise<void> } {
  const patient = { ...defaultPatience, ...patience }
  const allowed = new AllowList(sources, patient, lookup)

  async function open (text: string, signal: AbortSignal | undefined): Promise<RemoteObject> {
    if (!URL.canParse(text)) throw new SourceUnusable('The URI of the source is not valid')
    const deadline = new Deadline(patient.total)
    try {
      return await follow(new URL(text), signal, deadline)
    } catch (error) {
      deadline.end()
      throw deadline.passed ? tooLate() : error
    }
  }

  async function follow (first: URL, signal: AbortSignal | undefined, deadline: Deadline): Promise<RemoteObject> {
    let uri = first
    for (let hops = 0; hops <= mostRedirects; hops++) {
      const origin = allowed.find(uri)
      const answer = await ask(origin, uri, 'GET', signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]))
      if (!redirects.has(answer.statusCode)) {
        try {
          requireReadable(answer)
        } catch (error) {
          discard(answer)
          throw error
        }
        return remoteObject(origin, uri, answer, deadline, new Pace(patient))
      }
      discard(answer)
      uri = redirected(answer, uri)
    }
    throw new SourceUnusable(`The server of the source redirects more than ${mostRedirects} times`)
  }

  return { open, close: async () => { await allowed.close() } }
}

async function ask ({ origin, authorization, dispatcher }: AllowedOrigin, uri: URL, method: 'GET' | 'DELETE', signal: AbortSignal | undefined, more: Record<string, string> = {}): Promise<Answer> {
  try {
    return await dispatcher.request({
      origin,
      path: uri.pathname + uri.search,
      method,
      signal: signal ?? null,
      headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'fastify-cdmi', ...(authorization === undefined ? {} : { authorization }), ...more }
    })
  } catch (error) {
    throw isForbiddenAddress(error) ? forbiddenAddress() : new SourceUnusable(unanswered(error))
  }
}

/** What the network said is not told: it is about the inside. */
function unanswered (error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'UND_ERR_HEADERS_TIMEOUT' ? 'The server of the source takes too long to answer' : 'The server of the source cannot be reached, or does not speak HTTP as it should'
}

/** The end of a transfer, at the latest. */
class Deadline {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout
  passed = false

  constructor (milliseconds: number) {
    this.#timer = setTimeout(() => {
      this.passed = true
      this.#controller.abort()
    }, milliseconds)
    this.#timer.unref()
  }

  get signal (): AbortSignal {
    return this.#controller.signal
  }

  /** It is over, well or not. */
  end (): void {
    clearTimeout(this.#timer)
  }

  /** Nothing more is to come. */
  cut (): void {
    this.end()
    this.#controller.abort()
  }
}

function tooLate (): Error {
  return new SourceUnusable('The server of the source takes longer than a transfer may take here (limits.remoteTime)')
}

/** Nobody reads the rest. */
function discard ({ body }: Answer): void {
  body.on('error', () => {}).destroy()
}

function redirected ({ headers: { location } }: Answer, from: URL): URL {
  if (typeof location !== 'string' || !URL.canParse(location, from.href)) throw new SourceUnusable('The server of the source redirects to nowhere')
  return new URL(location, from)
}

function remoteObject (origin: AllowedOrigin, uri: URL, answer: Answer, deadline: Deadline, pace: Pace): RemoteObject {
  const { etag } = answer.headers

  const closed = new AbortController()

  /** Whether it is still there, when a request to delete it got no clear answer. */
  async function look (): Promise<'removed' | 'kept' | 'unknown'> {
    const found = await ask(origin, uri, 'GET', closed.signal).catch(() => undefined)
    if (found === undefined) return 'unknown'
    discard(found)
    return isGone(found) ? 'removed' : found.statusCode === 200 ? 'kept' : 'unknown'
  }

  return {
    length: announced(answer),
    get received () { return pace.received },
    async receive (intake, options) {
      try {
        return await receiveAnswer(answer, intake, options, pace)
      } catch (error) {
        throw deadline.passed && error instanceof SourceUnusable ? tooLate() : error
      } finally {
        // What comes after that is no part of the transfer.
        deadline.end()
      }
    },
    async remove () {
      // Not what somebody has written there meanwhile.
      const condition = typeof etag === 'string' && !etag.startsWith('W/') ? { 'if-match': etag } : undefined
      const deleted = await ask(origin, uri, 'DELETE', closed.signal, condition).catch(() => undefined)
      if (deleted === undefined) return await look()
      discard(deleted)
      if (deleted.statusCode === 200 || deleted.statusCode === 204 || isGone(deleted)) return 'removed'
      return deleted.statusCode >= 300 && deleted.statusCode < 500 ? 'kept' : await look()
    },
    close () {
      if (closed.signal.aborted) return
      answer.body.on('error', () => {})
      deadline.cut()
      closed.abort()
    }
  }
}

function isGone ({ statusCode }: Answer): boolean {
  return statusCode === 404 || statusCode === 410
}
