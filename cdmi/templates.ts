/** Templates: data system metadata that an operator has given a name, and objects take on by it (CSE-01 to CSE-10). Pure code. */
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import { isDataSystemMetadata } from './metadata.js'
import type { Template, Templates } from './offers.js'
import { attributesOf } from './record.js'

/** What a request says of the template of an object. */
export interface TemplateChoice {
  /** Undefined: none from now on. */
  readonly name: string | undefined
  readonly items: Template
  /** What the template does not have goes, too (CSE-05). */
  readonly exact: boolean
}

type Change = (metadata: JsonObject) => JsonObject

/** Items of the request win (CSE-03, CSE-04); user metadata is its own affair. */
function withTemplate (before: JsonObject, { items, exact }: TemplateChoice, change: Change): JsonObject {
  const kept = exact ? Object.entries(before).filter(([name]) => !isDataSystemMetadata(name)) : Object.entries(before)
  return { ...items, ...change({ ...Object.fromEntries(kept), ...items }) }
}

/** The change of metadata that a choice of template and the request together are; undefined: none. */
export function metadataChange (choice: TemplateChoice | undefined, change: Change | undefined): Change | undefined {
  if (choice === undefined) return change
  return before => withTemplate(before, choice, change ?? (metadata => metadata))
}

/** The template that describes an object (CSE-07, CSE-08): the one it was given, while that one is offered and the object still has all of its items. */
export function templateOf (record: StoredRecord, templates: Templates): string | undefined {
  const { template, metadata } = attributesOf(record)
  if (template === undefined || !Object.hasOwn(templates, template)) return undefined
  const matches = Object.entries(templates[template] ?? {}).every(([name, value]) => isDeepStrictEqual(metadata[name], value))
  return matches ? template : undefined
}

/** The name that an object remembers after a change: `choice`, or the one of before where nothing is said of it. */
export function templateAfter (choice: Pick<TemplateChoice, 'name'> | undefined, before: string | undefined): string | undefined {
  return choice === undefined ? before : choice.name
}
