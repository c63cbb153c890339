/** Options are checked when they are given, against their schema; what is wrong is said in one sentence that names the option. */
import { type Static, type TSchema, Value } from './typebox.js'

export class OptionError extends Error {
  override readonly name = 'OptionError'
  readonly code = 'CDMI_INVALID_OPTION'
}

/**
 * Returns the options, typed. `what` names in the sentence whose they are, as a sentence begins with it ("The plugin", "openStore").
 * Throws OptionError for the first option that is unknown, missing or wrong.
 */
export function checkOptions<S extends TSchema> (schema: S, options: unknown, what: string): Static<S> {
  if (Value.Check(schema, options)) return options as Static<S>
  const errors = Value.Errors(schema, options)
  // The error that is nearest to the cause: of an unknown option its parent, of a choice the choice itself.
  const error = errors.find(({ keyword }) => keyword === 'additionalProperties' || keyword === 'required') ?? errors.find(({ keyword }) => keyword === 'anyOf') ?? errors[0]
  const place = error?.instancePath.slice(1).replaceAll('/', '.') ?? ''
  const inner = (names: readonly string[]): string => names.map(name => `"${place === '' ? name : `${place}.${name}`}"`).join(', ')
  switch (error?.keyword) {
    case 'additionalProperties': throw new OptionError(`${what} has no option ${inner(error.params.additionalProperties)}`)
    case 'required': throw new OptionError(`${what} needs the option ${inner(error.params.requiredProperties)}`)
    case 'anyOf': {
      const choices = errors.flatMap(one => one.keyword === 'const' && one.instancePath === error.instancePath ? [JSON.stringify(one.params.allowedValue)] : [])
      throw new OptionError(`The option "${place}" of ${inside(what)} must be one of ${choices.join(', ')}`)
    }
    default: throw new OptionError(place === '' ? `The options of ${inside(what)} ${error?.message ?? 'are wrong'}` : `The option "${place}" of ${inside(what)} ${error?.message ?? 'is wrong'}`)
  }
}

/** "The plugin" in the middle of a sentence. */
function inside (what: string): string {
  return what.replace(/^The /, 'the ')
}
