/**
 * TypeBox, for all of the project. The build writes what is used of it into this one module (scripts/bundle-typebox.mjs): to load its hundreds of
 * modules one by one takes a third of the time of a start.
 */
import Type from 'typebox'

export { Type }
export { Compile } from 'typebox/compile'
export { Value } from 'typebox/value'
export type { Static, TSchema } from 'typebox'
