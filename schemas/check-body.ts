/** JSON bodies are checked against their schema; what is wrong is said in one sentence that names the field. */
import { Compile, type TSchema } from './typebox.js'

/** Answers undefined when the body fits, else what is wrong with which field. */
export type BodyCheck = (body: unknown) => string | undefined

/** Made once per schema. */
export function bodyCheck (schema: TSchema): BodyCheck {
  const validator = Compile(schema)
  return body => {
    if (validator.Check(body)) return undefined
    const [error] = validator.Errors(body)
    const place = error?.instancePath.slice(1).split('/', 1)[0] ?? ''
    const choices = error?.keyword === 'const' || error?.keyword === 'anyOf' ? constantsOf(schema, place) : []
    const complaint = choices.length > 0 ? `must be one of ${choices.join(', ')}` : error?.message ?? 'is wrong'
    return place === '' ? `The body ${complaint}` : `The field "${place}" ${complaint}`
  }
}

function constantsOf (schema: TSchema, place: string): string[] {
  const { properties = {} } = schema as { properties?: Record<string, { anyOf?: { const?: unknown }[] }> }
  return (properties[place]?.anyOf ?? []).map(choice => JSON.stringify(choice.const))
}
