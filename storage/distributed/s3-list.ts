/** Listings of S3, page after page. */
import { StorageError } from '../contract.js'
import type { S3Client } from './s3-client.js'
import { type Element, elementsOf, readXml, textOf } from './s3-xml.js'

export interface ListedObject {
  readonly key: string
  readonly size: number
  /** Milliseconds since 1970; NaN where the server does not say. */
  readonly modified: number
}

export interface S3Listing {
  /** What their keys begin with. */
  readonly prefix: string
  /** Only keys behind this one. */
  readonly after?: string | undefined
}

/** Objects in the order of their keys. */
export async function * listObjects (client: S3Client, { prefix, after }: S3Listing): AsyncGenerator<ListedObject> {
  const doing = `listing ${prefix}`
  let token = ''
  do {
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...after !== undefined && { 'start-after': after }, ...token !== '' && { 'continuation-token': token } }
    const page = await listingPage(client, query, 'ListBucketResult', doing)
    for (const found of elementsOf(page, 'Contents')) {
      const key = nameIn(page, found, 'Key')
      // Not all servers keep to what they are asked for.
      if (key.startsWith(prefix)) yield { key, size: Number(textOf(found, 'Size')), modified: Date.parse(textOf(found, 'LastModified')) }
    }
    const next = textOf(page, 'IsTruncated') === 'true' ? textOf(page, 'NextContinuationToken') : ''
    if (next === token && next !== '') throw endless(doing)
    token = next
  } while (token !== '')
}

/** One answer to a listing. Throws a StorageError. */
export async function listingPage (client: S3Client, query: Readonly<Record<string, string>>, root: string, doing: string): Promise<Element> {
  // A server without multipart uploads has none to list.
  const answer = await client.send({ method: 'GET', key: '', query, doing }, { tolerate: ({ status }) => status === 501 && 'uploads' in query })
  if (answer === undefined) return {}
  const page = readXml(answer.text, root)
  if (page === undefined) throw new StorageError('unavailable', `${doing}: the answer is not that of S3`)
  return page
}

/** Listings are asked for with percent-escapes, since XML cannot say every character; not all servers listen. */
export function nameIn (page: Element, element: Element, name: string): string {
  const text = textOf(element, name)
  return textOf(page, 'EncodingType') === 'url' ? decodeURIComponent(text.replaceAll('+', ' ')) : text
}

export function endless (doing: string): StorageError {
  return new StorageError('unavailable', `${doing}: the server goes on from the same place for ever`)
}
