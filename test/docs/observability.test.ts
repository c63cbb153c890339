/** The manual and the dashboard name the metrics that there are, and what they show works. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { type Family, merged } from '../../metrics/family.js'
import { Registry } from '../../metrics/registry.js'
import type { Database } from '../../storage/distributed/database.js'
import { readDistributed } from '../../storage/distributed/distributed-metrics.js'
import { namesOf } from '../../storage/distributed/names.js'
import { S3Count } from '../../storage/distributed/s3-count.js'
import { readIntegrity } from '../../storage/integrity-metrics.js'
import { openStore } from '../../storage/open-store.js'
import { ask, authorization, builtServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { runExample } from '../helpers/run-example.js'
import { numbersOf } from '../helpers/scrape.js'

const manual = readFileSync('docs/observability.md', 'utf8')
const codeOf = (language: string): string => new RegExp('```' + language + '\\n([^]*?)```').exec(manual)?.[1] ?? ''

/** A database that says what one says whose tables were counted. */
const counted: Pick<Database, 'rows' | 'load'> = {
  rows: async <Row extends unknown[]> () => ['records', 'doomed', 'orphans', 'log'].map(table => [table, 1, '8192'] as unknown[] as Row),
  load: { open: 1, idle: 1, waiting: 0 }
}

let gathered: Promise<Family[]> | undefined

/** All that any server ever tells. */
async function familiesOf (t: Test): Promise<Family[]> {
  gathered ??= gather(t)
  return await gathered
}

async function gather (t: Test): Promise<Family[]> {
  const store = await openStore({ directory: t.testdir(), inlineLimit: 1, sweepInterval: 0 })
  const { app, metrics, close } = await builtServer(t, { quotas: { admin: { bytes: 1_000_000 } }, containerQuotas: { '/': { bytes: 1_000_000, objects: 100 } } }, { store })
  await app.inject({ method: 'PUT', url: '/x', headers: { authorization }, body: 'long' })
  await app.inject({ url: '/x', headers: { authorization } })
  metrics?.requests.opened('websocket')()
  await store.sweep()
  const other = new Registry()
  readDistributed(other, counted as Database, namesOf('cdmi'))
  readIntegrity(other, () => ({ damagedReads: 0, scrub: { began: undefined, blobs: 1, bytes: 1, damaged: 0, last: { ended: 1, blobs: 1, bytes: 1, damaged: 0 } } }))
  const s3 = new S3Count(other)
  s3.read(() => ({ busy: 0, waiting: 0, memory: 0 }))
  await s3.request('GET', async () => {})
  let all: Family[] = []
  await eventually('the event loop was looked at', async () => {
    all = merged([await metrics?.collect() ?? [], await other.collect()])
    return all.some(({ name }) => name === 'nodejs_eventloop_delay_seconds')
  })
  await close()
  return all.sort((one, other) => one.name < other.name ? -1 : 1)
}

t.test('the manual lists every metric with its type, its labels and what it is, and none that does not exist', async t => {
  const rows = (await familiesOf(t)).map(({ name, type, help, samples: [first] }) => {
    const labels = Object.keys(first?.labels ?? {}).map(label => `\`${label}\``).join(' ')
    return `| \`${name}\` | ${type} | ${labels} | ${help} |`
  })
  t.same(manual.split('\n').filter(line => /^\| `(?:cdmi|process|nodejs)_/.test(line)), rows)
})

/** Names of metrics in a query. */
const namesIn = (query: string): string[] => query.match(/\b(?:cdmi|process|nodejs)_\w+/g) ?? []

/** A name, or one of the three of a histogram. */
function exists (families: readonly Family[], name: string): boolean {
  return families.some(family => name === family.name ? family.type !== 'histogram' : family.type === 'histogram' && [`${family.name}_bucket`, `${family.name}_sum`, `${family.name}_count`].includes(name))
}

interface Panel { readonly type: string, readonly title: string, readonly datasource?: { readonly uid: string }, readonly gridPos: { readonly x: number, readonly y: number, readonly w: number, readonly h: number }, readonly targets?: ReadonlyArray<{ readonly expr: string }> }

t.test('every query of the dashboard and of the manual names only metrics that exist, with labels that they have', async t => {
  const families = await familiesOf(t)
  const dashboard = JSON.parse(readFileSync('deploy/grafana-dashboard.json', 'utf8')) as { panels: Panel[], templating: { list: Array<{ query: unknown }> } }
  const queries = [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...codeOf('promql').trim().split('\n'),
    JSON.stringify(dashboard.templating.list)
  ]
  t.ok(queries.length > 50)
  for (const query of queries) {
    for (const name of namesIn(query)) t.ok(exists(families, name), `${name} in ${query}`)
    for (const [, name = '', matchers = ''] of query.matchAll(/(\w+)\{([^}]*)\}/g)) {
      const family = families.find(({ name: known }) => name.replace(/_(?:bucket|sum|count)$/, '') === known || name === known)
      const labels = [...Object.keys(family?.samples[0]?.labels ?? {}), 'instance', 'le']
      for (const [, label = ''] of matchers.matchAll(/(\w+)(?:=~|!~|!=|=)/g)) t.ok(labels.includes(label), `${label} of ${name} in ${query}`)
    }
  }
  t.notOk(exists(families, 'cdmi_nothing_total'), 'the check can fail')
  const shown = new Set(queries.flatMap(namesIn).map(name => name.replace(/_(?:bucket|sum|count)$/, '')))
  t.same(families.map(({ name }) => name).filter(name => !shown.has(name)), [], 'each metric is on the dashboard')
})

t.test('the panels of the dashboard do not lie on each other', t => {
  const { panels } = JSON.parse(readFileSync('deploy/grafana-dashboard.json', 'utf8')) as { panels: Panel[] }
  for (const [at, one] of panels.entries()) {
    t.ok(one.gridPos.x + one.gridPos.w <= 24)
    for (const other of panels.slice(at + 1)) {
      const [a, b] = [one.gridPos, other.gridPos]
      t.notOk(a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h, `${one.title} and ${other.title}`)
    }
  }
  t.end()
})

t.test('the configuration of Prometheus asks where the metrics are', async t => {
  const { scrape_configs: [job] } = parse(codeOf('yaml')) as { scrape_configs: Array<{ metrics_path: string, static_configs: Array<{ targets: string[] }> }> }
  t.equal(job?.metrics_path, '/-/metrics')
  t.same(job?.static_configs, [{ targets: ['localhost:6375'] }])
})

t.test('the example of an application runs as it stands', async t => {
  const child = runExample(t, codeOf('js'), '\nconsole.log(app.listeningOrigin)\n')
  const [line] = await once(child.stdout ?? child, 'data') as [Buffer]
  const { status, text, headers } = await ask(`${line.toString().trim()}/metrics`)
  t.equal(status, 200)
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  const numbers = numbersOf(text)
  t.equal(numbers.get('cdmi_store_up'), 1)
  t.equal(numbers.get('cdmi_commits_total{result="committed"}'), 0)
})
