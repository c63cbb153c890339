/** What all objects with metadata have in common, at birth and after a change: metadata, fields of their own, the template, times. Pure code. */
import type { RecordAttributes } from '../schemas/record.js'
import type { JsonObject } from '../storage/contract.js'
import { now } from './instant.js'
import { type TemplateChoice, templateAfter } from './templates.js'

/** What a request says of an object. Undefined: stays as it is. */
export interface AttributeChange {
  /** The new metadata, from the old. */
  readonly metadata?: ((before: JsonObject) => JsonObject) | undefined
  /** The same for fields that the standard does not define. */
  readonly fields?: ((before: JsonObject) => JsonObject) | undefined
  /** The template that the metadata has been taken from, or that there is none from now on. */
  readonly template?: Pick<TemplateChoice, 'name'> | undefined
}

/** `owner`: who makes it; the gate notes it where it is not given. The answer is the caller's own, to add to. */
export function newAttributes ({ metadata, fields, template }: AttributeChange, owner?: string): RecordAttributes {
  const instant = now()
  const given = metadata?.({}) ?? {}
  // Every create comes by here: to spread parts that are mostly empty would cost it microseconds.
  const attributes: RecordAttributes = owner === undefined
    ? { metadata: given, completionStatus: 'Complete', created: instant, modified: instant }
    : { owner, metadata: given, completionStatus: 'Complete', created: instant, modified: instant }
  setOrForget(attributes, 'fields', unlessEmpty(fields?.({})))
  setOrForget(attributes, 'template', templateAfter(template, undefined))
  return attributes
}

/** What the change says nothing of stays. The answer is the caller's own, to add to. */
export function changedAttributes (before: RecordAttributes, { metadata, fields, template }: AttributeChange): RecordAttributes {
  const attributes: RecordAttributes = { ...before }
  if (metadata !== undefined) attributes.metadata = metadata(before.metadata as JsonObject)
  attributes.modified = laterThan(before.modified)
  attributes.changes = (before.changes ?? 0) + 1
  setOrForget(attributes, 'fields', unlessEmpty(fields === undefined ? before.fields : fields(before.fields as JsonObject | undefined ?? {})))
  setOrForget(attributes, 'template', templateAfter(template, before.template))
  return attributes
}

/** An attribute is there only when it has a value. */
export function setOrForget<K extends keyof OptionalAttributes> (attributes: RecordAttributes, key: K, value: RecordAttributes[K]): void {
  if (value !== undefined) attributes[key] = value
  else if (attributes[key] !== undefined) delete (attributes as OptionalAttributes)[key]
}

type OptionalAttributes = Partial<Omit<RecordAttributes, 'metadata' | 'completionStatus' | 'created' | 'modified'>>

const second = 1_000_000

/**
 * Now; or later than before, where the clock was set back. Then it is the next second: the dates of HTTP are in whole ones, and who has the one of before
 * would be told that nothing has changed since. Clocks of several servers are less than that apart.
 */
function laterThan (before: number): number {
  const instant = now()
  if (instant > before) return instant
  return before - instant < second ? before + 1 : (Math.floor(before / second) + 1) * second
}

function unlessEmpty (fields: RecordAttributes['fields']): RecordAttributes['fields'] {
  return fields === undefined || Object.keys(fields).length === 0 ? undefined : fields
}
