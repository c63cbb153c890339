import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { childrenOf, type Door, exchange, fieldPart, filePart, formBody, openDoor, postForm } from '../../helpers/forms.js'

const good = formBody([filePart('a.txt', 'x'.repeat(100)), fieldPart('note', 'y'), filePart('b.txt', 'z'.repeat(100))])

/** A request with this body and these headers, byte for byte. */
function requestBytes (body: string | Uint8Array, headers: readonly string[] = []): Buffer {
  return Buffer.concat([Buffer.from(['POST /c/ HTTP/1.1', 'Host: h', 'Content-Type: multipart/form-data; boundary=xyz', 'Connection: close', ...headers, '', ''].join('\r\n')), Buffer.from(body)])
}

async function storesNothing (t: Test, { model }: Door, message: string): Promise<void> {
  t.same(await childrenOf(model, '/c/'), [], `${message}: nothing stored`)
}

t.test('CLI-32: a form cut off after any of its bytes is 400 and stores nothing', async t => {
  const door = await openDoor(t)
  // Without the line break behind the last delimiter a form is whole.
  for (let length = 1; length < good.length - 2; length += length < 120 || length > good.length - 20 ? 1 : 7) {
    const { status } = await postForm(`${door.origin}/c/`, good.subarray(0, length))
    if (status !== 400) t.fail(`${length} of ${good.length} bytes: ${status}`)
  }
  await storesNothing(t, door, 'cut off')
  t.equal((await postForm(`${door.origin}/c/`, good.subarray(0, good.length - 2))).status, 201)
})

t.test('CLI-32: forms that are not forms are 400 and store nothing', async t => {
  const door = await openDoor(t)
  const part = 'Content-Disposition: form-data; name="f"; filename="a"'
  const cases: Record<string, string> = {
    'no line break before a delimiter': `--xyz\r\n${part}\r\n\r\nvalue--xyz--\r\n`,
    'no blank line after the head': `--xyz\r\n${part}\r\nvalue\r\n--xyz--\r\n`,
    'bare line feeds': `--xyz\n${part}\n\nvalue\n--xyz--\n`,
    'a head without a disposition': `--xyz\r\nContent-Type: text/plain\r\n\r\nvalue\r\n--xyz\r\n${part}\r\n\r\nvalue\r\n--xyz--\r\n`,
    'no head at all': `--xyz\r\n\r\nvalue\r\n--xyz\r\n${part}\r\n\r\nvalue\r\n--xyz--\r\n`,
    'a disposition that is not form-data': `--xyz\r\n${part}\r\n\r\nvalue\r\n--xyz\r\nContent-Disposition: attachment; filename="b"\r\n\r\nvalue\r\n--xyz--\r\n`,
    'a line break in a file name': '--xyz\r\nContent-Disposition: form-data; name="f"; filename="a\nb"\r\n\r\nvalue\r\n--xyz--\r\n',
    'another boundary': formBody([filePart('a', 'b')], 'other').toString(),
    'no delimiter': 'just some text',
    'an end without a beginning': '--xyz--\r\n',
    'an empty body': '',
    'nested multipart': `--xyz\r\n${part}\r\n\r\nvalue\r\n--xyz\r\nContent-Disposition: form-data; name="files"\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\nContent-Disposition: file; filename="inner"\r\n\r\nx\r\n--in--\r\n\r\n--xyz--\r\n`
  }
  for (const [title, body] of Object.entries(cases)) {
    const { status, text } = await postForm(`${door.origin}/c/`, Buffer.from(body))
    t.equal(status, 400, title + ': ' + text.slice(0, 200))
  }
  for (const [type, why] of [['multipart/form-data', /has no boundary/], ['multipart/form-data; boundary=', /is not a media type/], [`multipart/form-data; boundary=${'b'.repeat(71)}`, /longer than 70 characters/]] as const) {
    const { status, text } = await postForm(`${door.origin}/c/`, good, { headers: { 'content-type': type } })
    t.equal(status, 400, type.slice(0, 60))
    t.match(text, why)
  }
  await storesNothing(t, door, 'broken')
})

t.test('CLI-32: a form that brings a piece of a file (Content-Range, X-CDMI-Partial) is 400 and stores nothing', async t => {
  const door = await openDoor(t)
  for (const header of ['Content-Range: bytes 0-99/1000', 'X-CDMI-Partial: true']) {
    const [name = '', value = ''] = header.split(': ')
    const answer = await door.app.inject({ method: 'POST', url: '/c/', headers: { 'content-type': 'multipart/form-data; boundary=xyz', [name]: value }, payload: good })
    t.match([answer.statusCode, answer.json()], [400, { detail: new RegExp(name) }])
  }
  await storesNothing(t, door, 'pieces')
})

t.test('HCO-14: a preamble, an epilogue and the longest boundary of RFC 2046 are legal', async t => {
  const { origin } = await openDoor(t)
  t.equal((await postForm(`${origin}/c/`, Buffer.concat([Buffer.from('preamble\r\n'), good, Buffer.from('epilogue')]))).status, 201)
  const boundary = 'b'.repeat(70)
  t.equal((await postForm(`${origin}/c/`, formBody([filePart('a', 'b')], boundary), { boundary })).status, 201)
  t.equal((await postForm(`${origin}/c/`, formBody([filePart('a', 'b')], "q'()+_,-./:=?"), { headers: { 'content-type': 'Multipart/Form-Data; charset=utf-8; boundary="q\'()+_,-./:=?"' } })).status, 201)
})

t.test('HCO-14: a form in chunks of any size is the same form', async t => {
  const { model, port } = await openDoor(t)
  const value = '\r\n--xy\r\n\r\n--xz' + 'x'.repeat(50)
  const body = formBody([filePart('a', value, 'text/plain; charset=utf-8'), filePart('', '', 'application/octet-stream'), filePart('b', value, 'text/plain; charset=utf-8')])
  for (const size of [1, 2, 3, 7, 50, 1000]) {
    const pieces: Buffer[] = []
    for (let at = 0; at < body.length; at += size) {
      const piece = body.subarray(at, at + size)
      pieces.push(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]))
    }
    const text = await exchange(port, requestBytes('', ['Transfer-Encoding: chunked', 'Accept: application/json']), ...pieces, '0\r\n\r\n')
    t.match(text, /^HTTP\/1.1 201 /, `chunks of ${size} bytes`)
    t.equal(text.match(/"valuetransferencoding":"utf-8"/g)?.length, 2)
    t.equal(text.match(new RegExp(`"size":${value.length}`, 'g'))?.length, 2)
  }
  t.equal((await childrenOf(model, '/c/')).length, 12)
})

t.test('CLI-32: a connection lost in the middle of a form stores nothing and leaves nothing behind', async t => {
  const store = openMemoryStore({ inlineLimit: 16, segmentSize: 32 })
  const door = await openDoor(t, { store })
  const ends: Promise<void>[] = []
  for (const length of [10, 60, 100, 200, 300, good.length - 10]) {
    ends.push(new Promise(resolve => {
      const socket = connect(door.port, '127.0.0.1', () => {
        socket.write(requestBytes(good.subarray(0, length), [`Content-Length: ${good.length}`]))
        setTimeout(() => { socket.resetAndDestroy(); resolve() }, 30)
      }).on('error', () => {})
    }))
  }
  await Promise.all(ends)
  // A truncated chunked body, and one whose connection ends politely.
  await exchange(door.port, requestBytes('5\r\n--xyz', ['Transfer-Encoding: chunked']), 'zz')
  await wait(50)
  await storesNothing(t, door, 'aborted')
  t.equal((await postForm(`${door.origin}/c/`, good)).status, 201, 'the server goes on')
})

t.test('CLI-32: a store that fails in the middle of a file answers 5xx, and the connection is not left hanging', async t => {
  const store = openMemoryStore({ inlineLimit: 16, segmentSize: 1024 })
  let calls = 0
  const put = store.blobs.put.bind(store.blobs)
  store.blobs.put = async (...given) => {
    if (++calls > 2) throw new Error('broken disk')
    return await put(...given)
  }
  const door = await openDoor(t, { store })
  const body = formBody([filePart('a', 'x'.repeat(10_000)), filePart('b', 'x'.repeat(1_000_000)), filePart('c', 'x'.repeat(1_000_000))])
  const text = await exchange(door.port, requestBytes(body, [`Content-Length: ${body.length}`]))
  t.match(text, /^HTTP\/1.1 500 /)
  await storesNothing(t, door, 'failed')
})
