import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { ReadCosts } from '../../bench/read-cost.js'
import { lowerQuartile } from '../../bench/statistics.js'
import { plainNode } from '../helpers/plain-node.js'

/**
 * A plain read may cost so many times the processor time of a bare Fastify that answers the same request. It is measured at 1.8
 * to 2.5, however busy the machine: a read has to become about twice as dear for the test to fail. To be made tighter as reads become cheaper.
 */
const most = 4.5

t.test(`a plain read costs at most ${most} times the processor time of a bare Fastify`, async t => {
  const [command, args] = plainNode(fileURLToPath(new URL('../../bench/read-cost.js', import.meta.url)))
  const { stdout } = await promisify(execFile)(command, args)
  const costs: ReadCosts = JSON.parse(stdout)
  const [ours, bare] = [lowerQuartile(costs.ours), lowerQuartile(costs.bare)]
  const text = `${(ours / bare).toFixed(2)} times: ${ours.toFixed(0)} and ${bare.toFixed(0)} microseconds`
  t.comment(text)
  t.ok(bare > 1, 'the bare Fastify was measured')
  t.ok(ours > bare, 'a read does more than nothing')
  t.ok(ours < most * bare, text)
})
