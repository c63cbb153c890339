/** The order of messages, and who waits for whom. */
import t from 'tap'
import { Flow, type Departure } from '../../../plugins/sockets/flow.js'
import { all } from '../../../plugins/sockets/messages.js'

const turn = async (): Promise<void> => { await new Promise(setImmediate) }

t.test('a message waits until the one before about its key is carried out, not until the answer to that has left', async t => {
  const flow = new Flow({ limit: 8, hasRoom: () => true, setPaused: () => {} })
  const told: string[] = []
  let leave: () => void = () => {}
  const left = new Promise<void>(resolve => { leave = resolve })
  let carryOut: () => void = () => {}
  const carriedOut = new Promise<void>(resolve => { carryOut = resolve })
  const message = (name: string, subject: string | typeof all, wait: Promise<void> = Promise.resolve()) => (): { subject: string | typeof all, run: () => Promise<Departure> } => ({
    subject,
    async run () {
      told.push(`${name} begins`)
      await wait
      told.push(`${name} is done`)
      return { left }
    }
  })
  flow.push(message('first', '/data/a', carriedOut))
  flow.push(message('second', '/data/a'))
  flow.push(message('other', '/data/b'))
  flow.push(message('list', all))
  await turn()
  t.same(told, ['first begins', 'other begins', 'other is done'])
  carryOut()
  await turn()
  t.same(told.slice(3), ['first is done', 'second begins', 'second is done', 'list begins', 'list is done'], 'while no answer has left')
  let drained = false
  const end = flow.drained().then(() => { drained = true })
  await turn()
  t.equal(drained, false, 'answers that have not left are not forgotten')
  leave()
  await end
})
