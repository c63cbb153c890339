/** Instants: microseconds since the epoch inside, `YYYY-MM-DDThh:mm:ss.ssssssZ` on the wire (GEN-32). */

const origin = Math.round(performance.timeOrigin * 1000)
const clockJump = 1_000_000

/** Now, in whole microseconds. Follows the system clock: when that was set meanwhile, the clock wins over the finer timer. */
export function now (): number {
  const fine = origin + Math.floor(performance.now() * 1000)
  const coarse = Date.now() * 1000
  return Math.abs(fine - coarse) > clockJump ? coarse : fine
}

/** Texts of seconds, up to the point of their fraction: objects that are read together, or again, have the same few. */
const seconds = new Map<number, string>()
const mostSeconds = 1000

/** The standard's text form: exactly six fraction digits, UTC. */
export function formatInstant (instant: number): string {
  const second = Math.floor(instant / 1_000_000)
  return secondText(second) + String(instant - second * 1_000_000).padStart(6, '0') + 'Z'
}

function secondText (second: number): string {
  let text = seconds.get(second)
  if (text === undefined) {
    text = new Date(second * 1000).toISOString().slice(0, 20)
    if (seconds.size >= mostSeconds) seconds.clear()
    seconds.set(second, text)
  }
  return text
}
