/** Instants: microseconds since the epoch inside, `YYYY-MM-DDThh:mm:ss.ssssssZ` on the wire (GEN-32). */

const origin = Math.round(performance.timeOrigin * 1000)
const clockJump = 1_000_000

/** Now, in whole microseconds. Follows the system clock: when that was set meanwhile, the clock wins over the finer timer. */
export function now (): number {
  const fine = origin + Math.floor(performance.now() * 1000)
  const coarse = Date.now() * 1000
  return Math.abs(fine - coarse) > clockJump ? coarse : fine
}

/** The standard's text form: exactly six fraction digits, UTC. */
export function formatInstant (instant: number): string {
  const micros = String(instant % 1_000_000).padStart(6, '0')
  return new Date(Math.floor(instant / 1_000_000) * 1000).toISOString().slice(0, 20) + micros + 'Z'
}
