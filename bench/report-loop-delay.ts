/** For `node --import`: tells the process that started this one, whenever that asks, how late the event loop was since it asked before. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

/** Milliseconds. */
export interface LoopDelay {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Milliseconds between two looks. They are part of what is measured, and not of what is told. */
const resolution = 1

// Threads load what the process was told to load. One that writes may wait for the disk as long as it likes.
if (isMainThread) {
  const histogram = monitorEventLoopDelay({ resolution })
  histogram.enable()
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution)
  process.on('message', () => {
    const delay: LoopDelay = { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) }
    histogram.reset()
    process.send?.(delay)
  })
  // Nobody who asks is no reason to live.
  process.channel?.unref()
}
