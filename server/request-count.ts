/** Counts requests and messages by door, operation and status. Each costs a few look-ups: that is why nothing of it is asked of a general library. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { gauge, sample } from '../metrics/family.js'
import { type Counter, durations, type Histogram, type Registry } from '../metrics/registry.js'
import type { SocketCount } from '../plugins/sockets/context.js'
import { doorOf, operationOf, operationOfMessage } from '../routes/door.js'

const requests = { name: 'cdmi_requests_total', help: 'Requests and socket messages that were answered, by door, operation and status; aborted: the connection ended before the answer.' }
const took = { name: 'cdmi_request_duration_seconds', help: 'How long requests and socket messages took, by door and operation, from their header to the end of their answer.' }
const sockets = { name: 'cdmi_sockets_opened_total', help: 'Sockets that were opened, by door.' }

type SocketDoor = Parameters<SocketCount['opened']>[0]

/** What has been done at one door by one operation. */
interface Operation {
  readonly took: Histogram
  readonly statuses: Map<number | 'aborted', Counter>
}

export class RequestCount implements SocketCount {
  readonly #registry: Registry
  readonly #doors = new Map<string, Map<string, Operation>>()
  readonly #open: Record<SocketDoor, number> = { websocket: 0, 'socket.io': 0 }
  #bodies = 0

  constructor (registry: Registry) {
    this.#registry = registry
    registry.read(() => [
      gauge({ name: 'cdmi_sockets_open', help: 'Sockets that are open, by door.' }, Object.entries(this.#open).map(([door, open]) => sample(open, { door }))),
      gauge({ name: 'cdmi_uploads_in_flight', help: 'Requests with a body that are under way.' }, this.#bodies)
    ])
  }

  /** A request has come to its end. */
  done (request: FastifyRequest, reply: FastifyReply): void {
    this.#count(doorOf(request), operationOf(request), reply.statusCode, reply.elapsedTime)
  }

  /** A request whose connection ended before. */
  aborted (request: FastifyRequest, reply: FastifyReply): void {
    this.#count(doorOf(request), operationOf(request), 'aborted', reply.elapsedTime)
  }

  /** A body is coming in. */
  bodyBegun (): void {
    this.#bodies++
  }

  bodyEnded (): void {
    this.#bodies--
  }

  opened (door: SocketDoor): () => void {
    this.#registry.counter(sockets, { door }).add()
    this.#open[door]++
    return () => { this.#open[door]-- }
  }

  answered (door: SocketDoor, message: Parameters<SocketCount['answered']>[1], milliseconds: number): void {
    this.#count(door, operationOfMessage(message), message.status, milliseconds)
  }

  #count (door: string, operation: string, status: number | 'aborted', milliseconds: number): void {
    const { took, statuses } = this.#doors.get(door)?.get(operation) ?? this.#newOperation(door, operation)
    took.observe(milliseconds / 1000)
    const counter = statuses.get(status)
    if (counter !== undefined) counter.value++
    else statuses.set(status, this.#newStatus(door, operation, status))
  }

  #newOperation (door: string, operation: string): Operation {
    const operations = this.#doors.get(door) ?? new Map<string, Operation>()
    this.#doors.set(door, operations)
    const made: Operation = { took: this.#registry.histogram(took, durations, { door, operation }), statuses: new Map() }
    operations.set(operation, made)
    return made
  }

  #newStatus (door: string, operation: string, status: number | 'aborted'): Counter {
    const counter = this.#registry.counter(requests, { door, operation, status: String(status) })
    counter.add()
    return counter
  }
}
