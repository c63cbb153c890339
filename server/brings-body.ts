/** Whether a body comes with a request. */
import type { IncomingMessage } from 'node:http'

/** The bytes behind a request for another protocol are that protocol's, whatever its header says; and its answer lasts as long as the socket. */
export function bringsBody (request: IncomingMessage): boolean {
  const { headers } = request
  const length = headers['content-length']
  if (length === undefined ? headers['transfer-encoding'] === undefined : length === '0') return false
  return Reflect.get(request, 'upgrade') !== true
}
