/** Many clients that are there and want little: idle sockets, and slow uploads and downloads. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ask } from './asking.js'
import type { BenchServer } from './child-server.js'
import type { CrowdOrder, CrowdSize, CrowdState } from './crowd-process.js'
import { slowContainer, slowValue } from './slow-clients.js'

export interface Crowd {
  state (): Promise<CrowdState>
  /** All go away. */
  leave (): Promise<void>
  stop (): Promise<void>
}

/** Resolves when all are there, or were refused. */
export async function gatherCrowd (server: BenchServer, size: CrowdSize): Promise<Crowd> {
  await ask(server, { method: 'PUT', path: slowContainer })
  if (size.downloads > 0) await ask(server, { method: 'PUT', path: slowValue.path, headers: { 'content-type': 'application/octet-stream' }, body: Buffer.alloc(slowValue.bytes, 'slow ') })
  const child = fork('build/bench/crowd-process.js', { execArgv: [] })
  const order = async (what: CrowdOrder): Promise<CrowdState> => {
    const told = once(child, 'message')
    child.send(what)
    const [state] = await told as [CrowdState]
    return state
  }
  await order({ do: 'join', place: { url: server.url, authorization: server.authorization ?? '' }, size })
  return {
    state: async () => await order({ do: 'tell' }),
    async leave () { await order({ do: 'leave' }) },
    async stop () {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    }
  }
}

export function countOf (size: CrowdSize): number {
  return Object.values(size).reduce((sum, count) => sum + count, 0)
}
