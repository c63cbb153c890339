import type { Test } from 'tap'

/** Asserts that the call throws, or rejects, with an error of this status number. */
export async function refuses (t: Test, status: number, call: Promise<unknown> | (() => unknown), message?: string): Promise<void> {
  try {
    await (typeof call === 'function' ? call() : call)
  } catch (error) {
    t.equal((error as { statusCode?: number }).statusCode, status, message ?? (error as Error).message)
    return
  }
  t.fail(message ?? `should have been refused with ${status}`)
}
