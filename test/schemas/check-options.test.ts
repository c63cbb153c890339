import t from 'tap'
import { checkOptions } from '../../schemas/check-options.js'
import { Type } from '../../schemas/typebox.js'

const schema = Type.Object({
  size: Type.Optional(Type.Integer({ minimum: 1 })),
  inner: Type.Object({ kind: Type.Union([Type.Literal('x'), Type.Literal('y')]) }, { additionalProperties: false })
}, { additionalProperties: false })

t.test('an unknown or wrong option is refused with a sentence that names it', async t => {
  const sentence = (options: unknown): string => {
    try {
      checkOptions(schema, options, 'the store')
      return 'accepted'
    } catch (error) {
      return (error as Error).message
    }
  }
  t.equal(sentence({ inner: { kind: 'x' }, sise: 1 }), 'the store has no option "sise"')
  t.equal(sentence({ inner: { kind: 'x', more: 1 } }), 'the store has no option "inner.more"')
  t.equal(sentence({}), 'the store needs the option "inner"')
  t.equal(sentence({ inner: { kind: 'z' } }), 'The option "inner.kind" of the store must be one of "x", "y"')
  t.equal(sentence({ inner: { kind: 'x' }, size: 0 }), 'The option "size" of the store must be >= 1')
  t.equal(sentence({ inner: { kind: 'x' }, size: '1' }), 'The option "size" of the store must be integer')
  t.equal(sentence(undefined), 'The options of the store must be object')
  t.equal(sentence({ inner: { kind: 'y' }, size: 3 }), 'accepted')
})
