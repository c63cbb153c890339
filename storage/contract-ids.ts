/** What things are called in a store: a part of the contract. */
/** Upper-case Base16 of the binary object ID (GEN-28, GEN-30); the driver takes it as an opaque key of at most 40 bytes. */
export type ObjectID = string
