/** What the server says of itself. */
import { Type } from './typebox.js'

const Instant = Type.String({ format: 'date-time' })

export const Alive = Type.Object({
  status: Type.Literal('alive'),
  version: Type.String({ description: 'Version of the package.' }),
  uptime: Type.Number({ description: 'Seconds since the process was started.' }),
  damagedReads: Type.Optional(Type.Integer({ description: 'Reads of this process that were ended since bytes of a value were missing, or others than were written.' })),
  scrub: Type.Optional(Type.Object({
    running: Type.Boolean({ description: 'A pass is under way.' }),
    began: Type.Optional(Instant),
    blobs: Type.Integer({ description: 'Files of values that the pass under way, or the last one, has read.' }),
    bytes: Type.Integer(),
    damaged: Type.Integer({ description: 'Of them, those that are missing or have other bytes than were written.' }),
    last: Type.Optional(Type.Object({ ended: Instant, blobs: Type.Integer(), bytes: Type.Integer(), damaged: Type.Integer() }))
  }, { description: 'The search for rotten bytes in the background; missing when it is off.' }))
}, { title: 'Alive' })

export const Ready = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('unavailable'), Type.Literal('draining')]),
  reason: Type.Optional(Type.String({ description: 'Why not.' }))
}, { title: 'Ready' })
