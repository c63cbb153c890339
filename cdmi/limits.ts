/** How much the model takes. */
export interface Limits {
  /** Longest value, in bytes. */
  readonly value: number
  /** Longest JSON text that is parsed whole (keyed records), in bytes. */
  readonly json: number
  /** Most items of user metadata of one object. */
  readonly metadataItems: number
  /** Longest item of user metadata, name and JSON text together, in bytes. */
  readonly metadataItemSize: number
  /** All user metadata of one object, in bytes. */
  readonly metadataSize: number
  /** Longest name of an object, in bytes of UTF-8. */
  readonly nameLength: number
  /** Most names in the path of an object, its own counted. */
  readonly pathDepth: number
  /** Most children of one container; undefined: any number. */
  readonly children?: number | undefined
  /** Most objects of a tree that one operation makes, changes or removes. */
  readonly treeObjects: number
  /** Seconds that a set of parts is kept for which nothing comes (PUP-12). */
  readonly partialTimeout: number
}
