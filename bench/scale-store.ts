/** Stores of many objects, and what they cost at rest and at a start. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from '../index.js'
import { fillKeyed } from './fill.js'
import { processorTime } from './processor-time.js'
import { startOn, type Launch } from './servers.js'

/** Seconds that it took. */
export async function fillStore (data: string, objects: number): Promise<number> {
  const began = performance.now()
  const store = await openStore({ directory: data, sweepInterval: 0 })
  try {
    await fillKeyed(store, objects, { name: 'benchmark', text: 'x'.repeat(70) })
  } finally {
    await store.close()
  }
  return (performance.now() - began) / 1000
}

export interface StartTime {
  /** Milliseconds by the clock, to the first answer. */
  readonly took: number
  /** Milliseconds of processor time, which other work on the machine does not lengthen as much. */
  readonly processor: number
}

export async function startTime (data: string, launch: Launch): Promise<StartTime> {
  const began = performance.now()
  const server = await startOn(data, launch)
  const took = performance.now() - began
  const processor = processorTime(server.pids)
  await server.stop()
  return { took, processor }
}

export async function bytesOnDisk (directory: string): Promise<number> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile())
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).blocks * 512))
  return sizes.reduce((sum, size) => sum + size, 0)
}
