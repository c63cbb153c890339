import t from 'tap'
import { transferPlace } from '../../bin/transfer-places.js'

t.test('a database may have several servers: all of them are named, and no secret is', async t => {
  const meta = 'postgres://u:secret@one:5432,two:5433/d?schema=s&target_session_attrs=read-write'
  t.match(transferPlace('to', meta, 's3://bucket/prefix'), { options: { meta, blobs: 's3://bucket/prefix' }, name: 'postgres://one:5432,two:5433/d?schema=s with s3://bucket/prefix' })
})

t.test('what was meant to be a database never becomes a directory of that name', async t => {
  for (const place of ['postgres://u:secret@one:5432,/d', 'postgres://u:secret@one:port/d', 'POSTGRESQL:one']) {
    t.throws(() => transferPlace('from', place, 's3://bucket'), { name: 'UsageError', message: '--from must be a directory, a file:// URL or a postgres:// URL' }, place)
    t.throws(() => transferPlace('to', place, undefined), { message: /^--to must be/ })
  }
})
