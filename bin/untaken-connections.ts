/**
 * The primary accepts connections and gives them to its workers. One that was given to a worker that dies before it takes it is forgotten by
 * node:cluster, but stays open: its client would wait for ever. Here such a connection is ended, so that the client can try again.
 *
 * This looks at messages between node:cluster and its workers, which are not documented: should they change, nothing is found, and nothing ended.
 */
import type { Worker } from 'node:cluster'

interface Handle { close (): void }

/** Watches a worker that was just forked, until its end. */
export function endUntaken (worker: Worker): void {
  const { process: child } = worker
  /** By the number of the message that carries them. */
  const given = new Map<number, Handle>()
  const { send } = child
  child.send = (...args: unknown[]): boolean => {
    const [message, handle] = args
    const number = numberOf(message, 'seq')
    if (number !== undefined && isNewConnection(message) && isHandle(handle)) given.set(number, handle)
    return Reflect.apply(send, child, args)
  }
  child.on('internalMessage', (message: unknown) => {
    const number = numberOf(message, 'ack')
    if (number !== undefined) given.delete(number)
  })
  const end = (): void => {
    for (const handle of given.values()) handle.close()
    given.clear()
  }
  // In either order; between the two one more may be given away.
  worker.once('exit', end)
  worker.once('disconnect', end)
}

function isNewConnection (message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'act' in message && message.act === 'newconn'
}

function numberOf (message: unknown, name: 'seq' | 'ack'): number | undefined {
  const value = typeof message === 'object' && message !== null ? (message as Record<string, unknown>)[name] : undefined
  return typeof value === 'number' ? value : undefined
}

function isHandle (value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && 'close' in value && typeof value.close === 'function'
}
