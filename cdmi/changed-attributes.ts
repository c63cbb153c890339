/** What all objects with metadata have in common, at birth and after a change: metadata, fields of their own, the template, times. Pure code. */
import type { RecordAttributes } from '../schemas/record.js'
import type { JsonObject } from '../storage/contract.js'
import { now } from './instant.js'
import { type TemplateChoice, templateAttribute } from './templates.js'

/** What a request says of an object. Undefined: stays as it is. */
export interface AttributeChange {
  /** The new metadata, from the old. */
  readonly metadata?: ((before: JsonObject) => JsonObject) | undefined
  /** The same for fields that the standard does not define. */
  readonly fields?: ((before: JsonObject) => JsonObject) | undefined
  /** The template that the metadata has been taken from, or that there is none from now on. */
  readonly template?: Pick<TemplateChoice, 'name'> | undefined
}

/** `owner`: who makes it; the gate notes it where it is not given. */
export function newAttributes ({ metadata, fields, template }: AttributeChange, owner?: string): RecordAttributes {
  const instant = now()
  return {
    ...owner !== undefined && { owner },
    metadata: metadata?.({}) ?? {},
    ...withFields(fields?.({})),
    ...templateAttribute(template, undefined),
    completionStatus: 'Complete',
    created: instant,
    modified: instant
  }
}

/** What the change says nothing of stays. */
export function changedAttributes ({ fields: fieldsBefore, template: templateBefore, ...before }: RecordAttributes, { metadata, fields, template }: AttributeChange): RecordAttributes {
  return {
    ...before,
    ...(metadata === undefined ? {} : { metadata: metadata(before.metadata as JsonObject) }),
    ...withFields(fields === undefined ? fieldsBefore : fields(fieldsBefore as JsonObject | undefined ?? {})),
    ...templateAttribute(template, templateBefore),
    modified: laterThan(before.modified),
    changes: (before.changes ?? 0) + 1
  }
}

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

/** The attribute is there only when there is something in it. */
function withFields (fields: RecordAttributes['fields']): Pick<RecordAttributes, 'fields'> {
  return fields === undefined || Object.keys(fields).length === 0 ? {} : { fields }
}
