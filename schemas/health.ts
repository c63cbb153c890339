/** What the server says of itself. */
import { Type } from './typebox.js'

export const Alive = Type.Object({
  status: Type.Literal('alive'),
  version: Type.String({ description: 'Version of the package.' }),
  uptime: Type.Number({ description: 'Seconds since the process was started.' })
}, { title: 'Alive' })

export const Ready = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('unavailable'), Type.Literal('draining')]),
  reason: Type.Optional(Type.String({ description: 'Why not.' }))
}, { title: 'Ready' })
