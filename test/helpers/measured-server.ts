/** The plugin over an embedded store in a process of its own, whose memory can be looked at. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { newDataObject } from '../../cdmi/data-object-record.js'
import { mintObjectID } from '../../cdmi/object-id.js'
import { emptyValue } from '../../cdmi/values.js'
import { openStore } from '../../index.js'
import { at, Cdmi, writer } from './model.js'
import { plainNode } from './plain-node.js'

/** For `skip`: memory is read from /proc. */
export const unmeasurable = process.platform === 'linux' ? false : 'resident memory is read from /proc'

/** Values and containers are so many times as large as what tells flat memory from memory that grows: for a proof at full size. */
export const scale = Number(process.env['MEMORY_SCALE'] ?? 1)

export interface MeasuredServer {
  readonly origin: string
  /** MiB now. */
  resident (): number
  /** MiB that the work needs, at most, more than before. */
  growth (work: () => Promise<void>): Promise<number>
}

/** Ends with the test. `directory`: of its store. */
export async function measuredServer (t: Test, directory: string = t.testdir()): Promise<MeasuredServer> {
  const child = spawn(...plainNode(fileURLToPath(new URL('./embedded-server.js', import.meta.url)), directory), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(async () => {
    const exited = once(child, 'exit')
    child.disconnect()
    await exited
  })
  const [origin] = await once(child, 'message') as [string]
  const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
  return {
    origin,
    resident,
    async growth (work) {
      const before = resident()
      let most = 0
      const look = (): void => { most = Math.max(most, resident() - before) }
      const timer = setInterval(look, 10)
      try {
        await work()
      } finally {
        clearInterval(timer)
      }
      look()
      return most
    }
  }
}

/** Makes a store with a container of so many small objects, which have their IDs as names; no server has it yet. */
export async function fillStore (directory: string, container: string, count: number): Promise<void> {
  const store = await openStore({ directory })
  try {
    const { names } = at(container)
    if (names.length > 0) await new Cdmi(store).containers.create(writer, at(container))
    const parent = (await store.meta.resolve(store.rootID, names)).at(-1)
    const value = { ...emptyValue, size: 1, inline: Buffer.from('x') }
    for (let made = 0; made < count; made += 1000) {
      const ids = Array.from({ length: Math.min(1000, count - made) }, () => mintObjectID())
      await store.meta.commit({ expect: [], put: ids.map(id => newDataObject(id, parent, id, {}, value, 'utf-8')), events: [] })
    }
  } finally {
    await store.close()
  }
}
