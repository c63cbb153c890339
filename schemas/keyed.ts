/** Requests and answers of the keyed JSON door, as its OpenAPI page shows them. */
import { Type } from './typebox.js'

export const KeyParams = Type.Object({
  '*': Type.String({ description: 'The key: one percent-encoded segment of the path.' })
})

export const ListQuerystring = Type.Object({
  prefix: Type.Optional(Type.String({ description: 'Only keys that begin with this.' })),
  after: Type.Optional(Type.String({ description: 'Only keys after this one.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, description: 'At most so many keys; a `Link` header with `rel="next"` leads to the rest.' }))
})

export const KeyList = Type.Array(Type.String(), { description: 'Keys, in the order of their UTF-8 bytes.' })

export const KeyedDocument = Type.Union([
  Type.Object({}, { additionalProperties: true }),
  Type.Array(Type.Unknown())
], { description: 'The record: any JSON object or array.' })

export const KeyedError = Type.Object({
  error: Type.String({ description: 'What was wrong, as a sentence.' })
})
