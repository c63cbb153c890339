/** What a process tells of itself. */
import { readdir, readFile } from 'node:fs/promises'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { counter, type Family, gauge, type Labels, sample } from '../metrics/family.js'
import type { Registry } from '../metrics/registry.js'

/** Milliseconds between two looks at the clock of the event loop. */
const resolution = 10
/** Milliseconds that delays are gathered for, at least: several who ask do not take them away from each other. */
const gathered = 10_000

/** `name` tells the processes of one server apart: `main`, `primary`, `w1` … Answers what ends it. */
export function readProcess (registry: Registry, name: string): () => void {
  const labels = { process: name }
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  const began = performance.timeOrigin / 1000
  let shown: readonly Family[] = []
  let since = -Infinity
  registry.read(() => {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    return [
      counter({ name: 'process_cpu_seconds_total', help: 'Time of the processor that the process has used, by mode.' }, [sample(user / 1e6, { ...labels, mode: 'user' }), sample(system / 1e6, { ...labels, mode: 'system' })]),
      one('process_resident_memory_bytes', 'Resident memory of the process.', rss, labels),
      gauge({ name: 'nodejs_memory_bytes', help: 'Memory of the JavaScript engine: objects (heap_used), what is taken for them (heap_total), buffers beside them (external).' }, [
        sample(heapUsed, { ...labels, kind: 'heap_used' }), sample(heapTotal, { ...labels, kind: 'heap_total' }), sample(external, { ...labels, kind: 'external' })
      ]),
      one('process_start_time_seconds', 'When the process was started, since 1970.', began, labels),
      counter({ name: 'nodejs_eventloop_active_seconds_total', help: 'Time in which the event loop had something to do.' }, [sample(performance.eventLoopUtilization().active / 1000, labels)])
    ]
  })
  registry.read(() => {
    const now = performance.now()
    if (now - since < gathered) return shown
    since = now
    const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolution / 1000)
    shown = delay.count === 0
      ? []
      : [gauge({ name: 'nodejs_eventloop_delay_seconds', help: 'How much later than wanted the event loop came to do something, since this was asked the last time, and for ten seconds at least: by quantile.' }, [
          ...([50, 90, 99] as const).map(percent => sample(seconds(delay.percentile(percent)), { ...labels, quantile: String(percent / 100) })),
          sample(seconds(delay.max), { ...labels, quantile: '1' })
        ])]
    delay.reset()
    return shown
  })
  // Where the system tells.
  registry.read(async () => [one('process_open_fds', 'Descriptors that the process has open.', (await readdir('/proc/self/fd')).length, labels)])
  registry.read(async () => {
    const [, most] = /^Max open files +(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8')) ?? []
    return most === undefined ? [] : [one('process_max_fds', 'Descriptors that the process may have open.', Number(most), labels)]
  })
  return () => { delay.disable() }
}

function one (name: string, help: string, value: number, labels: Labels): Family {
  return gauge({ name, help }, [sample(value, labels)])
}
