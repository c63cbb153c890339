/** The plugin over an embedded store in a process of its own, whose memory can be looked at. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { plainNode } from './plain-node.js'

/** For `skip`: memory is read from /proc. */
export const unmeasurable = process.platform === 'linux' ? false : 'resident memory is read from /proc'

/** Ends with the test. `resident`: MiB now. */
export async function measuredServer (t: Test): Promise<{ origin: string, resident: () => number }> {
  const child = spawn(...plainNode(fileURLToPath(new URL('./embedded-server.js', import.meta.url)), t.testdir()), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(async () => {
    const exited = once(child, 'exit')
    child.disconnect()
    await exited
  })
  const [origin] = await once(child, 'message') as [string]
  return { origin, resident: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024 }
}
