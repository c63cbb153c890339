import t from 'tap'
import { isObjectID, mintObjectID } from '../../cdmi/object-id.js'
import { crc16 } from '../../storage/object-id.js'

t.test('GEN-29: the checksum is CRC-16/ARC', async t => {
  t.equal(crc16(Buffer.from('123456789')), 0xbb3d)
})

t.test('GEN-28, GEN-29, GEN-30, GEN-31: valid object IDs of other servers are taken, in either case', async t => {
  const valid = [
    '00007ED90010D891022876A8DE0BC0FD', '00006FFD001001CCE3B2B4F602032653', '00006FFD0010AA33D8CEF9711E0835CA',
    '00007ED900104E1D14771DC67C27BF8B', '00007E7F00102E230ED82694DAA975D2', '00007ED9001005192891EEBE599D94BB'
  ]
  for (const id of valid) {
    t.ok(isObjectID(id), id)
    t.ok(isObjectID(id.toLowerCase()), id.toLowerCase())
  }
})

t.test('GEN-31: IDs with a wrong checksum, length, version or alphabet are no IDs', async t => {
  const good = mintObjectID(32473)
  const flipped = good.slice(0, -1) + (good.endsWith('0') ? '1' : '0')
  for (const id of ['0000706D0010374085EF1A5C7018D774', '0000000800182F9E6431336332373162', flipped, good.slice(2), good + '00', '', 'zz', good.replace(/.$/, 'G'), '../' + good]) {
    t.notOk(isObjectID(id), id)
  }
})

t.test('GEN-27, GEN-28: minted IDs are valid, unique, ordered by time, carry the enterprise number and 24 bytes', async t => {
  const ids = Array.from({ length: 2000 }, () => mintObjectID(0x123456))
  t.equal(new Set(ids).size, ids.length)
  for (const id of ids.slice(0, 50)) {
    t.ok(isObjectID(id))
    t.equal(id.length, 48)
    t.equal(id.slice(0, 12), '001234560018')
    t.equal(id, id.toUpperCase())
  }
  t.same(ids, [...ids].sort(), 'in the order of time as they are, so that an index of them grows at its end')
})
