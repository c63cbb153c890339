/** Who asks. Made by a door from credentials; the only thing about the caller that the model sees (design: access). */
export interface Principal {
  /** The name as the user wrote it when it was made; `ANONYMOUS@` for nobody (the standard's name for unauthenticated callers). */
  readonly name: string
  /** How it authenticated. */
  readonly authentication: 'anonymous' | 'basic' | 'none'
  /** What it may do with every object of the store: nothing, look, or look and change. */
  readonly access: 'none' | 'read' | 'write'
  /** The address that it asks from, for the change log. Undefined: nobody from outside, or it changes nothing. */
  readonly source?: string
}

/** The server, about things that no caller asked for. The standard's name for whoever runs a server. */
export const itself: Principal = { name: 'ADMINISTRATOR@', authentication: 'none', access: 'write' }

/** Nobody in particular, allowed nothing unless an option says so. */
export function anonymous (access: Principal['access'] = 'none'): Principal {
  return { name: 'ANONYMOUS@', authentication: 'anonymous', access }
}
