/** How late the event loop of a server was, as the server itself saw it. */
import { once } from 'node:events'
import type { BenchServer } from './child-server.js'
import type { LoopDelay } from './report-loop-delay.js'
import type { Launch } from './servers.js'

/** A start that makes it tell. */
export const telling: Launch = { node: ['--import', './build/bench/report-loop-delay.js'], channel: true }

/** Since it was asked before. */
export async function loopDelay ({ process }: BenchServer): Promise<LoopDelay> {
  const told = once(process, 'message')
  process.send('loop delay')
  const [delay]: LoopDelay[] = await told
  if (delay === undefined) throw new Error('the server told nothing')
  return delay
}
