/** Spans, for whoever wants to see where the time of one request went. Nobody here knows who gathers them. */

export type Attributes = Readonly<Record<string, string | number>>

/** Makes spans. What runs within one is below it. */
export interface Tracing {
  /** `work` as a span of its own, which ends with it. */
  span<T> (name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>
  /** The same of chunks: it ends with the last, or when nobody wants more. */
  stream<T> (name: string, attributes: Attributes, chunks: AsyncIterable<T>): AsyncIterable<T>
}
