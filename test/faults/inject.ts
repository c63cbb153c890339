/** Faults of the system, by strace: the system calls of a running process fail, or take longer, until it is told to let go. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'

export interface Fault {
  /** From now on the system works again. */
  end (): Promise<void>
}

/** `calls`: names, with commas. `how`: as strace has it, `error=EIO` or `delay_exit=500000`. Resolves when every thread is held. */
export async function inject (t: Test, pid: number | undefined, calls: string, how: string): Promise<Fault> {
  const child = spawn('strace', ['-f', '-p', String(pid), '-e', 'signal=none', '-e', `trace=${calls}`, '-e', `inject=${calls}:${how}`, '-o', '/dev/null'], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let printed = ''
  const exited = once(child, 'exit')
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (text: Buffer) => {
      printed += text.toString()
      // It says so once for all of them.
      if (/Process \d+ attached/.test(printed)) resolve()
    })
    child.once('exit', code => { reject(new Error(`strace ended with ${code}: ${printed}`)) })
  })
  return {
    async end () {
      child.kill('SIGINT')
      await exited
    }
  }
}
