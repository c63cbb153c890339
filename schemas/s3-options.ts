/** Options of values in S3. This schema is their only definition: the same names stand in `s3://bucket/prefix?name=value`. */
import { type Static, Type } from './typebox.js'

const megabyte = 1024 * 1024

export const S3Options = Type.Object({
  bucket: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$', description: 'Name of the bucket; it must exist.' }),
  prefix: Type.Optional(Type.String({ maxLength: 500, description: 'What all keys of this store begin with, followed by a slash. Default: none, the store has the bucket for itself.' })),
  endpoint: Type.Optional(Type.String({ pattern: '^https?://', description: 'URL of the server. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or the one of Amazon for the region.' })),
  region: Type.Optional(Type.String({ minLength: 1, description: 'Region that requests are signed for. Default: AWS_REGION, AWS_DEFAULT_REGION, or us-east-1.' })),
  style: Type.Optional(Type.Union([Type.Literal('path'), Type.Literal('virtual')], { description: 'Whether the bucket stands in the path or before the host name. Default: path with an endpoint, virtual without one.' })),
  accessKeyId: Type.Optional(Type.String({ minLength: 1, description: 'Default, together with the next two: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.' })),
  secretAccessKey: Type.Optional(Type.String({ minLength: 1, description: 'The secret that goes with accessKeyId.' })),
  sessionToken: Type.Optional(Type.String({ minLength: 1, description: 'The token of temporary credentials.' })),
  credentials: Type.Optional(Type.Literal('instance', { description: 'instance: those of the role of the virtual machine (EC2), asked for and renewed. Default: the options before, or the environment.' })),
  checksum: Type.Optional(Type.Union([Type.Literal('sha256'), Type.Literal('md5')], { description: 'What the server checks of the bytes it is sent. sha256 is part of the signature; md5 (Content-MD5) is not, and only fit for TLS or a network you trust. Default: sha256.' })),
  partSize: Type.Optional(Type.Integer({ minimum: 5 * megabyte, maximum: 1024 * megabyte, description: 'Bytes up to which a blob is one request, and of the parts of a longer one. Default: 8 MiB.' })),
  connections: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Connections to the server at most. Default: 64.' })),
  waiting: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Requests that may wait for a connection, and uploads that may wait for memory; one more is refused (503). Default: 1000.' })),
  memory: Type.Optional(Type.Integer({ minimum: megabyte, description: 'Bytes that the parts of all uploads may take up at once; what does not fit waits, no longer than timeout. Default: 512 MiB.' })),
  timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000, description: 'Milliseconds in which a connection must be made, an answer begin and the next bytes come. Default: 20 seconds.' })),
  retryFor: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000, description: 'Milliseconds after the first failure in which an operation is tried again. Default: 15 seconds.' }))
}, { additionalProperties: false })
export type S3Options = Static<typeof S3Options>
