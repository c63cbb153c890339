import t from 'tap'
import { inspect } from 'node:util'
import { openS3Blobs } from '../../storage/distributed/s3-blobs.js'
import { mostParts, partSize } from '../../storage/distributed/s3-parts.js'
import { completeS3Options, parseS3Url, type S3Settings } from '../../storage/distributed/s3-settings.js'

const keys = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'do-not-tell' }
const complete = (url: string, environment: Record<string, string> = keys): S3Settings => completeS3Options(parseS3Url(url), undefined, environment)
const place = (url: string, environment?: Record<string, string>): string => {
  const { origin, path, prefix } = complete(url, environment)
  return origin.origin + path + prefix
}

t.test('a URL says it all: bucket, prefix, endpoint, region, style, and the limits as numbers', async t => {
  t.match(complete('s3://bucket/some/prefix?endpoint=http://localhost:9000&region=eu-west-1&style=path&connections=7&waiting=0&memory=1048576&timeout=300&retryFor=0&partSize=5242880&checksum=md5'), {
    bucket: 'bucket', prefix: 'some/prefix/', path: '/bucket/', region: 'eu-west-1', connections: 7, waiting: 0, memory: 1048576, timeout: 300, retryFor: 0, partSize: 5242880, checksum: 'md5'
  })
  t.equal(place('s3://bucket?endpoint=http://localhost:9000'), 'http://localhost:9000/bucket/')
  t.equal(place('s3://bucket?endpoint=http://localhost:9000&style=virtual'), 'http://bucket.localhost:9000/')
  t.equal(place('s3://bucket/p%C3%A9/?endpoint=https://host/s3/'), 'https://host/s3/bucket/pé/')
  t.equal(place('s3://bucket?region=eu-west-1'), 'https://bucket.s3.eu-west-1.amazonaws.com/')
  t.equal(place('s3://bucket?region=eu-west-1&style=path'), 'https://s3.eu-west-1.amazonaws.com/bucket/')
})

t.test('what the URL leaves out comes from the usual variables of the environment', async t => {
  t.match(complete('s3://bucket', { ...keys, AWS_SESSION_TOKEN: 'token', AWS_DEFAULT_REGION: 'ap-south-1', AWS_ENDPOINT_URL: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b' }), {
    region: 'ap-south-1', path: '/bucket/', credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'do-not-tell', sessionToken: 'token' }
  })
  t.equal(place('s3://bucket', { ...keys, AWS_ENDPOINT_URL: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b' }), 'http://b/bucket/')
  t.equal(place('s3://bucket', { ...keys, AWS_REGION: 'r-1', AWS_DEFAULT_REGION: 'r-2', AWS_ENDPOINT_URL: '' }), 'https://bucket.s3.r-1.amazonaws.com/')
  t.match(complete('s3://bucket?accessKeyId=mine&secretAccessKey=too'), { credentials: { accessKeyId: 'mine', secretAccessKey: 'too', sessionToken: undefined } }, 'credentials are taken from one place, never mixed')
})

t.test('a wrong option is refused with a sentence that names it, and no sentence tells a secret', async t => {
  const cases: Array<[string, RegExp, Record<string, string>?]> = [
    ['http://bucket', /form s3:/],
    ['nonsense do-not-tell', /form s3:/],
    ['s3://', /"bucket"|form s3:/],
    ['s3://AKIA:do-not-tell@bucket', /AWS_SECRET_ACCESS_KEY/],
    ['s3://bucket?secret=do-not-tell', /no option "secret"/],
    ['s3://bucket?style=host', /"style" .* must be one of/],
    ['s3://bucket?connections=many', /"connections"/],
    ['s3://bucket?partSize=1', /"partSize"/],
    ['s3://bucket?region=a&region=b', /"region" .* twice/],
    ['s3://bucket?endpoint=ftp://x', /"endpoint"/],
    ['s3://bucket?endpoint=http://u:do-not-tell@host', /"endpoint" .* user name or password/],
    ['s3://bucket?endpoint=http://host/?do-not-tell=1', /"endpoint" .* without a query/],
    ['s3://bucket/a//b', /"prefix"/],
    ['s3://bucket//a', /"prefix"/],
    ['s3://bucket/%ff', /percent-escape/],
    ['s3://bucket?accessKeyId=x', /together/],
    ['s3://bucket?sessionToken=do-not-tell', /together/],
    ['s3://bucket', /set AWS_ACCESS_KEY_ID/, {}],
    ['s3://bucket', /set AWS_ACCESS_KEY_ID/, { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: '' }]
  ]
  for (const [url, sentence, environment] of cases) {
    try {
      complete(url, environment)
      t.fail(`${url} was taken`)
    } catch (error) {
      t.match(error, { name: 'OptionError', message: sentence }, url)
      t.notMatch(inspect(error), 'do-not-tell')
    }
  }
})

t.test('an open store does not show its secret when it is printed', async t => {
  const blobs = openS3Blobs('s3://bucket?endpoint=http://127.0.0.1:1', { environment: keys })
  t.notMatch(inspect(blobs, { depth: 20, showHidden: true }), 'do-not-tell')
  await blobs.close()
})

t.test('names that are not those of leases and blobs are a fault of the program', async t => {
  const blobs = openS3Blobs('s3://bucket?endpoint=http://127.0.0.1:1', { environment: keys })
  for (const name of ['', '..', 'a/../b', 'a', 'a/b?c', 'A/b']) {
    await t.rejects(blobs.read(name, 0, 1), TypeError, name)
    await t.rejects(blobs.remove(name), TypeError, name)
  }
  await t.rejects(blobs.put('../x', []), TypeError)
  await blobs.close()
})

t.test('10,000 parts hold 5 TiB, none is above 5 GiB, and what was announced goes in equal parts', async t => {
  const [MiB, GiB, TiB] = [1024 ** 2, 1024 ** 3, 1024 ** 4]
  const all = (announced: number | undefined): number[] => Array.from({ length: mostParts }, (_, at) => partSize(at + 1, 8 * MiB, announced))
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0)
  for (const announced of [undefined, 0, 1, 100 * GiB, 5 * TiB]) {
    // Less only for one that announced too little.
    t.ok(sum(all(announced)) >= (announced === undefined || announced === 5 * TiB ? 5 : 3.9) * TiB, `${announced}`)
    t.ok(all(announced).every(size => size >= 8 * MiB && size <= 5 * GiB))
  }
  t.equal(sum(all(undefined).slice(0, 2000)), 2000 * 8 * MiB, '16 GiB in small parts')
  t.same(new Set(all(100 * GiB).slice(0, 8000)), new Set([13 * MiB]))
  t.same(new Set(all(5 * TiB).slice(0, 8000)), new Set([656 * MiB]))
})
