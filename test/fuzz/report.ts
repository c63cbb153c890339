/** What a person is told: all that is needed to see the same thing again. */
import type { Failure, Tally } from './campaign.js'
import type { Readings } from './subject.js'

/** The complaint, the command that repeats the case, and its exact bytes. */
export function described ({ kind, number, name, sent, complaints }: Failure, seed: number): string {
  const again = kind === 'round' ? '' : ` --${kind} ${number}`
  return [
    `${kind} ${number} (${name}): ${complaints.join('; ')}`,
    `again: npm run test:fuzz -- --seed ${seed}${again}`,
    ...sent.length === 0 ? [] : [`bytes (JSON, latin1): ${JSON.stringify(sent.toString('latin1'))}`]
  ].join('\n')
}

export function summary ({ requests, frames, conversations, statuses, socketStatuses, longest }: Tally, readings: readonly Readings[], seconds: number): string {
  const list = (counts: Map<number, number>): string => [...counts].sort(([a], [b]) => a - b).map(([status, count]) => `${status === 0 ? 'none' : status}: ${count}`).join(', ')
  const mebibytes = (bytes: number | undefined): number => Math.round((bytes ?? 0) / 1024 ** 2)
  const [first, last] = [readings[Math.floor(readings.length / 4)], readings.at(-1)]
  return [
    `${requests} requests, ${frames} frames over ${conversations} sockets, ${seconds} s; the longest case took ${Math.round(longest)} ms`,
    `answers to requests: ${list(statuses)}`,
    `answers by sockets: ${list(socketStatuses)}`,
    `memory after a quarter ${mebibytes(first?.memory)} MiB, at the end ${mebibytes(last?.memory)} MiB; descriptors ${first?.descriptors} and ${last?.descriptors}; temporary files ${first?.temporary} and ${last?.temporary}`
  ].join('\n')
}
