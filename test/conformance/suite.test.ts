import t from 'tap'
import { faultOf } from './expected.js'
import { startLocalServer } from './local-server.js'
import { notOffered, notYet } from './not-yet.js'
import { titleOf } from './suite/case.js'
import { suite } from './suite/index.js'
import { advertised, namesOf, readOffers } from './suite/offers.js'
import { runCase } from './suite/run-case.js'
import { Server } from './suite/server.js'

const local = await startLocalServer()
const server = new Server(local)
t.teardown(async () => {
  await server.close()
  await local.close()
})
const offers = await readOffers(server)

for (const each of suite) {
  await t.test(titleOf(each), async t => {
    t.equal(faultOf(each, await runCase(server, offers, each)), undefined)
  })
}

t.test('of the capabilities that cases are about those that are not advertised are in the list, and no others', async t => {
  const names = new Set(suite.flatMap(({ needs = {}, lacks = {} }) => [...namesOf(needs), ...namesOf(lacks)]))
  t.same([...names].filter(name => !advertised(offers, name)).sort(), [...notOffered].sort())
})

t.test('no case that does not exist is in the list of those that fail', async t => {
  const titles = suite.map(titleOf)
  t.equal(new Set(titles).size, titles.length, 'titles are unique')
  for (const title of notYet) t.ok(titles.includes(title), title)
})
