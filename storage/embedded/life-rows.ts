/** Rows that say which process owns the store, or keeps what a backup reads: its sign of life, with a checksum. Older builds have written it without one, and read it as their own. */
import { readJson, sealJson } from './json-rows.js'
import type { Life } from './sign-of-life.js'

export function sealLife (key: Uint8Array, life: Life): Buffer {
  return sealJson(key, life)
}

/** Undefined: it has other bytes than were written. */
export function readLife (key: Uint8Array, row: Buffer): Life | undefined {
  const life = readJson(key, row)
  return isLife(life) ? life : undefined
}

function isLife (life: unknown): life is Life {
  const { pid, started, socket, place } = Object(life) as Record<keyof Life, unknown>
  return typeof pid === 'number' && typeof place === 'string' && [started, socket].every(text => text === undefined || typeof text === 'string')
}
