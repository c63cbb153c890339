/** What is wrong with a distributed store as a whole: what its tables name against what its bucket has. */
import type { S3Options } from '../../schemas/s3-options.js'
import { S3Client } from '../../storage/distributed/s3-client.js'
import { completeS3Options } from '../../storage/distributed/s3-settings.js'
import { elementsOf, readXml, textOf } from '../../storage/distributed/s3-xml.js'
import { query, schemaOf } from '../storage/postgres-server.js'

export interface Audit {
  /** Blobs that an object needs and that are not there: lost values. */
  readonly missing: string[]
  /** What nobody needs and is there all the same, in the bucket and in the tables: gone when the sweepers have been round. */
  readonly garbage: string[]
  /** Blobs that are needed. */
  readonly needed: number
}

export async function audit (meta: string, options: S3Options): Promise<Audit> {
  const schema = schemaOf(meta)
  const client = new S3Client(completeS3Options(options, undefined, {}))
  try {
    // In this order: what a commit names is in the bucket before it.
    const named = new Set(await column(meta, `select distinct blob from ${schema}.segments`))
    const prefix = `${options.prefix ?? ''}/blobs/`
    const present = new Set((await keysBelow(client, prefix)).map(key => key.slice(prefix.length)))
    const uploads = await client.send({ method: 'GET', key: '', query: { uploads: '', prefix }, doing: 'listing uploads' })
    const rows = await Promise.all([
      column(meta, `select 'row of blob ' || b.id from ${schema}.blobs b where not exists (select 1 from ${schema}.segments g where g.blob = b.id)`),
      column(meta, `select 'doomed ' || blob from ${schema}.doomed`),
      column(meta, `select 'orphans of ' || encode(id, 'hex') from ${schema}.orphans`)
    ])
    return {
      missing: [...named].filter(blob => !present.has(blob)),
      garbage: [
        ...[...present].filter(blob => !named.has(blob)).map(blob => `object ${blob}`),
        ...[...(uploads?.text ?? '').matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => `upload of ${key}`),
        ...rows.flat()
      ],
      needed: named.size
    }
  } finally {
    await client.close()
  }
}

async function column (meta: string, text: string): Promise<string[]> {
  return (await query(meta, text)).map(([value]) => String(value))
}

async function keysBelow (client: S3Client, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for (let token = ''; ;) {
    const answer = await client.send({ method: 'GET', key: '', query: { 'list-type': '2', prefix, ...token !== '' && { 'continuation-token': token } }, doing: `listing ${prefix}` })
    const page = readXml(answer?.text ?? '', 'ListBucketResult')
    if (page === undefined) throw new Error('the answer is no listing')
    keys.push(...elementsOf(page, 'Contents').map(found => textOf(found, 'Key')))
    if (textOf(page, 'IsTruncated') !== 'true') return keys
    token = textOf(page, 'NextContinuationToken')
  }
}
