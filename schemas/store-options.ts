/** Options of `openStore`. This schema is their only definition: types, validation and the manual's table come from it. */
import Type, { type Static } from 'typebox'

const megabyte = 1024 * 1024

export const StoreOptions = Type.Object({
  directory: Type.String({ minLength: 1, description: 'Directory of the store; made when it does not exist. On a local file system: LMDB does not work over a network.' }),
  enterpriseNumber: Type.Optional(Type.Integer({ minimum: 1, maximum: 0xffffff, description: 'SNMP enterprise number that the IDs of a new store carry. Default: 32473, the number for documentation; set your own.' })),
  inlineLimit: Type.Optional(Type.Integer({ minimum: 0, maximum: megabyte, description: 'Values up to so many bytes are kept in the record, longer ones in files. Default: 64 KiB.' })),
  segmentSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 1024 * megabyte, description: 'Longest file that part of a value is kept in, in bytes. Default: 8 MiB.' })),
  sweepInterval: Type.Optional(Type.Integer({ minimum: 0, maximum: 0x7fffffff, description: 'Milliseconds between the rounds of the sweeper; 0: it runs only when asked. Default: one minute.' })),
  trashGrace: Type.Optional(Type.Integer({ minimum: 0, description: 'Milliseconds that bytes which were replaced or deleted stay readable for downloads under way: longer than the longest download. Default: one hour.' })),
  logRetention: Type.Optional(Type.Integer({ minimum: 0, description: 'Milliseconds that entries of the change log are kept. Default: for ever.' })),
  leaseDuration: Type.Optional(Type.Integer({ minimum: 1, description: 'Milliseconds after which new uploads get a new lease, so that what failed uploads left behind is found. Default: one day.' }))
}, { additionalProperties: false })
export type StoreOptions = Static<typeof StoreOptions>

/** The options with every default filled in. */
export type CompleteStoreOptions = Required<Omit<StoreOptions, 'logRetention'>> & Pick<StoreOptions, 'logRetention'>

const defaults = {
  enterpriseNumber: 32473,
  inlineLimit: 64 * 1024,
  segmentSize: 8 * megabyte,
  sweepInterval: 60_000,
  trashGrace: 3_600_000,
  leaseDuration: 86_400_000
}

export function completeStoreOptions (options: StoreOptions): CompleteStoreOptions {
  return { ...defaults, ...options }
}
