/** Bodies of CDMI requests: the fields that the standard defines, with their JSON types (DOC-24 to DOC-39, COC-22 to COC-35). Other fields are allowed, and kept. */
import { type Static, Type } from './typebox.js'

const text = (description: string) => Type.Optional(Type.String({ description }))
const uri = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))

/** What an object says of itself. A client may send it back as it was read; it is the server's to set, and passed over (CLI-04). */
const ownFields = {
  objectType: text('Media type of the object.'),
  objectID: text('ID of the object.'),
  objectName: text('Name of the object in its container.'),
  parentURI: text('URI of the container.'),
  parentID: text('ID of the container.'),
  completionStatus: text('`Complete`, `Processing`, or `Error` and a reason.'),
  percentComplete: text('`0` to `100`.')
}

const metadata = Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'User and data system metadata.' }))

const sources = {
  copy: uri('URI of the object to copy.'),
  move: uri('URI of the object to move here; it keeps its ID.'),
  reference: uri('URI to redirect to.'),
  deserialize: uri('URI of a data object with a serialized object.'),
  deserializevalue: text('A serialized object, in Base64.')
}

export const DataObjectBody = Type.Object({
  ...ownFields,
  capabilitiesURI: text('Capability object whose data system metadata the object takes on.'),
  domainURI: text('Domain of the object.'),
  mimetype: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: 'Media type of the value.' })),
  metadata,
  valuerange: text('Range of the value.'),
  valuetransferencoding: Type.Optional(Type.Union([Type.Literal('utf-8'), Type.Literal('base64'), Type.Literal('json')], { description: 'How the value is written in JSON.' })),
  value: Type.Optional(Type.Unknown({ description: 'The value: a string, or a JSON object.' })),
  ...sources,
  serialize: uri('URI of the object whose serialization becomes the value.')
})
export type DataObjectBody = Static<typeof DataObjectBody>

export const ContainerBody = Type.Object({
  ...ownFields,
  capabilitiesURI: text('Capability object whose data system metadata the container takes on.'),
  domainURI: text('Domain of the container.'),
  metadata,
  exports: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'Exported protocols.' })),
  snapshot: text('Name of a snapshot to be made.'),
  snapshots: Type.Optional(Type.Array(Type.String())),
  childrenrange: text('Range of the children.'),
  children: Type.Optional(Type.Array(Type.Unknown())),
  ...sources
})
export type ContainerBody = Static<typeof ContainerBody>
