/** What is asked of S3 is counted: each attempt, what was tried again, what was given up. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Registry } from '../../metrics/registry.js'
import { textOf } from '../../metrics/text.js'
import { openS3Blobs } from '../../storage/distributed/s3-blobs.js'
import { numbersOf } from '../helpers/scrape.js'

const refusal = (status: number, code: string) => (response: ServerResponse): void => { response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`) }

t.test('attempts by how they end, retries, failures, and what is under way', async t => {
  const answers: Array<(response: ServerResponse) => void> = []
  const server = createServer((request, response) => {
    request.resume().on('end', () => { answers.shift()?.(response) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const { port } = server.address() as AddressInfo
  const metrics = new Registry()
  const blobs = openS3Blobs(`s3://bucket?endpoint=http://127.0.0.1:${port}&style=path`, { metrics, environment: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'hidden' } })
  t.teardown(async () => { await blobs.close() })
  const read = async () => numbersOf(textOf(await metrics.collect()))

  answers.push(refusal(503, 'SlowDown'), response => { response.destroy() }, response => { response.writeHead(204).end() })
  await blobs.remove('lease/one')
  answers.push(refusal(403, 'AccessDenied'))
  await t.rejects(blobs.remove('lease/two'), { name: 'StorageError' })
  const numbers = await read()
  t.equal(numbers.get('cdmi_s3_requests_total{method="DELETE",result="refused"}'), 2)
  t.equal(numbers.get('cdmi_s3_requests_total{method="DELETE",result="broken"}'), 1)
  t.equal(numbers.get('cdmi_s3_requests_total{method="DELETE",result="answered"}'), 1)
  t.equal(numbers.get('cdmi_s3_request_duration_seconds_count{method="DELETE"}'), 4)
  t.equal(numbers.get('cdmi_s3_retries_total'), 2)
  t.equal(numbers.get('cdmi_s3_failures_total'), 1)
  t.equal(numbers.get('cdmi_s3_requests_in_flight{state="busy"}'), 0)

  let finish: ServerResponse | undefined
  const asked = new Promise<void>(resolve => { answers.push(response => { finish = response; resolve() }) })
  const removing = blobs.remove('lease/three')
  await asked
  t.equal((await read()).get('cdmi_s3_requests_in_flight{state="busy"}'), 1)
  finish?.writeHead(204).end()
  await removing
  t.notMatch(textOf(await metrics.collect()), /hidden|lease|127\.0\.0\.1/)
})
