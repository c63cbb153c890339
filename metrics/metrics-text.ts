/** For applications that have a page of metrics of their own. */
import { type Family, merged } from './family.js'
import { textOf } from './text.js'

/** What a store that `openStore` gave has counted in this process, and tells of itself, in the text format of Prometheus. Never rejects. */
export async function metricsText (store: { readonly metrics?: { collect (): Promise<Family[]> } | undefined }): Promise<string> {
  return textOf(merged([await store.metrics?.collect() ?? []]))
}
