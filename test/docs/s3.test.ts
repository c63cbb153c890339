import t from 'tap'
import { readFileSync } from 'node:fs'
import { S3Options } from '../../schemas/s3-options.js'
import { completeS3Options, parseS3Url } from '../../storage/distributed/s3-settings.js'

const page = readFileSync('docs/s3.md', 'utf8')

t.test('the manual lists every option of values in S3, and none that does not exist', async t => {
  const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
  t.same(listed, Object.keys(S3Options.properties))
})

t.test('the URL of the manual is one that is taken', async t => {
  const [url = ''] = /^s3:.*$/m.exec(page) ?? []
  const { origin, path, prefix } = completeS3Options(parseS3Url(url), undefined, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })
  t.equal(origin.origin + path + prefix, 'https://s3.example.org/bucket/prefix/')
})
