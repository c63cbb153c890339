/** Options of the plugin. This schema is their only definition: types, validation and the manual's table come from it. */
import { type Static, Type } from './typebox.js'

export const User = Type.Object({
  name: Type.String({ minLength: 1, description: 'Name, as it is typed into the browser.' }),
  password: Type.Optional(Type.String({ minLength: 1, description: 'Password in clear; it is not kept, only a keyed digest of it, in memory.' })),
  hash: Type.Optional(Type.String({ minLength: 1, description: 'Hash of the password, as `fastify-cdmi user add` makes it. Instead of `password`.' })),
  access: Type.Optional(Type.Union([Type.Literal('read'), Type.Literal('write')], { description: 'What the user may do. Default: `write`.' }))
}, { additionalProperties: false })
export type User = Static<typeof User>

export const LimitOptions = Type.Object({
  value: Type.Optional(Type.Integer({ minimum: 1, description: 'Longest value of a data object, in bytes. Default: 5 TiB.' })),
  json: Type.Optional(Type.Integer({ minimum: 2, description: 'Longest keyed JSON record, in bytes. Default: 1 MiB.' })),
  metadataItems: Type.Optional(Type.Integer({ minimum: 0, description: 'Most items of user metadata of one object. Default: 1024.' })),
  metadataItemSize: Type.Optional(Type.Integer({ minimum: 1, description: 'Longest item of user metadata, name and JSON together, in bytes. Default: 64 KiB.' })),
  metadataSize: Type.Optional(Type.Integer({ minimum: 0, description: 'All user metadata of one object, in bytes. Default: 512 KiB.' })),
  nameLength: Type.Optional(Type.Integer({ minimum: 128, maximum: 1024, description: 'Longest name of a new object, in bytes of UTF-8. Default: 1024.' })),
  pathDepth: Type.Optional(Type.Integer({ minimum: 2, description: 'Most names in the path of a new object, its own counted. Default: 1000.' })),
  children: Type.Optional(Type.Integer({ minimum: 1, description: 'Most children of one container; one more is refused (507). Default: any number.' })),
  treeObjects: Type.Optional(Type.Integer({ minimum: 1, description: 'Most objects that one copy or deserialization makes, changes or removes. Default: 100000.' })),
  remoteTime: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483, description: 'Seconds that a transfer from another server may take. Default: one day.' })),
  remoteRate: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes in a second that another server must send at least; 0: as few as it likes. Default: 1024.' })),
  partialTimeout: Type.Optional(Type.Integer({ minimum: 1, description: 'Seconds that parts of a value are kept while no more of them come. Default: one day.' })),
  formFiles: Type.Optional(Type.Integer({ minimum: 1, description: 'Most files in one form. Default: 1000.' })),
  formFields: Type.Optional(Type.Integer({ minimum: 0, description: 'Most text fields in one form. Default: 1000.' })),
  formFieldSize: Type.Optional(Type.Integer({ minimum: 0, description: 'Longest text field of a form, in bytes. Default: 64 KiB.' })),
  frame: Type.Optional(Type.Integer({ minimum: 1, description: 'Longest socket message, in bytes. Default: 1 MiB and 64 KiB.' })),
  sockets: Type.Optional(Type.Integer({ minimum: 0, description: 'Most sockets that are open at once in one process; what comes on top is refused (503). Default: 10000.' })),
  messagesInFlight: Type.Optional(Type.Integer({ minimum: 1, description: 'Messages of one socket that are worked on at once; more wait unread. Default: 32.' })),
  socketIdle: Type.Optional(Type.Integer({ minimum: 1, description: 'Milliseconds after which a socket that sent no message is closed. Default: 10 minutes.' }))
}, { additionalProperties: false })
export type LimitOptions = Static<typeof LimitOptions>

export const RemoteSource = Type.Object({
  origin: Type.String({ minLength: 1, description: 'Scheme, host and port, as in `https://other.example:8443`.' }),
  username: Type.Optional(Type.String({ minLength: 1, description: 'Name to log in with (Basic).' })),
  password: Type.Optional(Type.String({ minLength: 1, description: 'Password to log in with.' })),
  token: Type.Optional(Type.String({ minLength: 1, pattern: '^[A-Za-z0-9._~+/-]+=*$', description: 'Bearer token, instead of the two.' })),
  privateAddresses: Type.Optional(Type.Boolean({ description: 'The server may be at a loopback, private or link-local address. Default: `false`.' }))
}, { additionalProperties: false })
export type RemoteSource = Static<typeof RemoteSource>

/** Data system metadata by name: strings, and lists of them. */
const Template = Type.Record(Type.String({ pattern: '^cdmi_' }), Type.Union([Type.String(), Type.Array(Type.String())]), { additionalProperties: false })
const Templates = Type.Record(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }), Template, { additionalProperties: false })
export const TemplateOptions = Type.Object({
  dataobject: Type.Optional(Templates),
  container: Type.Optional(Templates)
}, { additionalProperties: false, format: 'table', description: 'Templates for data objects and containers: sets of data system metadata that objects take on by `capabilitiesURI`. Default: none.' })
export type TemplateOptions = Static<typeof TemplateOptions>

const Quota = Type.Object({
  bytes: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes of all values together.' })),
  objects: Type.Optional(Type.Integer({ minimum: 0, description: 'Objects: data objects, containers and references.' }))
}, { additionalProperties: false })
export const QuotaOptions = Type.Record(Type.String({ minLength: 1 }), Quota, { format: 'table', description: 'The most that users may have in the store, by their names: `{ bytes, objects }`, either or both; `*` is for everybody who is not named. More is refused (507). Default: none.' })
export const ContainerQuotaOptions = Type.Record(Type.String({ pattern: '^/' }), Quota, { format: 'table', description: 'The most that containers may have with all that is below them, by their paths, like `/projects/a/`: `{ bytes, objects }`, either or both. More is refused (507). Default: none.' })

export const CdmiOptions = Type.Object({
  limits: Type.Optional(LimitOptions),
  anonymous: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('read'), Type.Literal('write')], { description: 'What callers without credentials may do. Default: `none`.' })),
  keyed: Type.Optional(Type.Boolean({ description: 'Offer keyed JSON at `<prefix>/data`. Default: false.' })),
  sockets: Type.Optional(Type.Boolean({ description: 'Offer keyed JSON over WebSocket at `<prefix>/ws` and socket.io at `<prefix>/socket.io/`. Default: false.' })),
  activeContent: Type.Optional(Type.Union([Type.Literal('sandbox'), Type.Literal('download'), Type.Literal('allow')], { description: 'Whether stored HTML and other active content may run with the origin of the server (CLI-26): `sandbox`, shown without its rights; `download`, offered as a file besides; `allow`, served live. Default: `sandbox`.' })),
  formFields: Type.Optional(Type.Union([Type.Literal('ignore'), Type.Literal('metadata')], { description: 'Text fields of an upload form: ignored, or kept as user metadata of its objects. Default: `ignore`.' })),
  formAnswer: Type.Optional(Type.Union([Type.Literal('page'), Type.Literal('redirect')], { description: 'What a browser gets after a form upload: a page that lists the objects, or a redirect (303) to the container. Default: `page`.' })),
  withoutCapabilities: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Names of CDMI capabilities to switch off: they are not advertised, and what they allow is refused. Default: none.' })),
  /** Never a flag: there are secrets in it. */
  remoteSources: Type.Optional(Type.Array(RemoteSource, { description: 'Servers from which objects may be copied and moved here. Default: none.', writeOnly: true })),
  delayedAfter: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000, description: 'Milliseconds after which a long copy, move or deserialization is answered for (202) before it is done. Default: 5000.' })),
  templates: Type.Optional(TemplateOptions),
  quotas: Type.Optional(QuotaOptions),
  containerQuotas: Type.Optional(ContainerQuotaOptions),
  locations: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { uniqueItems: true, description: 'Names of the places where the store keeps its data, all of it at each. Default: none.' })),
  clientUser: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('common-name')], { description: 'Who a client is whose certificate the TLS server has verified, and that sends no password: nobody, or the user whose name is the common name of the certificate. Default: `none`.' })),
  realm: Type.Optional(Type.String({ minLength: 1, description: 'Realm of Basic authentication. Default: `fastify-cdmi`.' }))
}, { additionalProperties: false })
export type CdmiOptions = Static<typeof CdmiOptions>
