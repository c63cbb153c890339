/** Names of blobs in files: the only ones that are ever made a path of. */
export const blobNames = /^[0-9a-z-]+\/[0-9a-z]+\/[0-9a-z]+$/

/** Of leases: the first part of them. */
export const leaseNames = /^[0-9a-z-]+$/

/** A blob that no store has: what is lost of a map leads there. */
export const lostBlob = 'lost/0/0'
