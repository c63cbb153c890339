/** The form of an error in CDMI and plain HTTP: problem details (RFC 9457). */
import { type Static, Type } from './typebox.js'

export const Problem = Type.Object({
  type: Type.String({ description: 'Always `about:blank`: the status number says what kind of problem it is, `code` which one.' }),
  title: Type.String({ description: 'Reason phrase of the status number.' }),
  status: Type.Integer({ minimum: 300, maximum: 599 }),
  detail: Type.String({ description: 'One sentence for the user.' }),
  code: Type.String({ description: 'Name of the error, to be compared by programs. The manual lists them.' }),
  requestId: Type.String({ description: 'Finds the request in the log of the server. Also in the header X-Request-Id.' })
}, { title: 'Problem' })
export type Problem = Static<typeof Problem>
