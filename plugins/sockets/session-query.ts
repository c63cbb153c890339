/** The query of a request to socket.io, read as engine.io reads it: what counts for it must count for us, too. */

/** Undefined for what is no URL; engine.io refuses it. */
export function queryOf (url: string): URLSearchParams | undefined {
  return URL.canParse(url, base) ? new URL(url, base).searchParams : undefined
}

/** Of the session that a request belongs to, the last one that is given; undefined when it begins one. */
export function sessionOf (url: string): string | undefined {
  const sid = queryOf(url)?.getAll('sid').at(-1)
  return sid === '' ? undefined : sid
}

const base = 'https://socket.io'
