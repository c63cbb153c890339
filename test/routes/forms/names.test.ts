import t from 'tap'
import { childrenOf, filePart, formBody, openDoor, postForm } from '../../helpers/forms.js'

/** Stores one file under this part head; answers the name that it got. */
async function nameOf (origin: string, disposition: string): Promise<{ name: string, id: string, location: string }> {
  const { status, json, text } = await postForm(`${origin}/c/`, formBody([{ head: [`Content-Disposition: form-data; name="f"; ${disposition}`, 'Content-Type: text/plain'], body: 'v' }]))
  if (status !== 201) throw new Error(text)
  const [object] = json.objects
  return { name: String(object?.['objectName']), id: String(object?.['objectID']), location: String(object?.['location']) }
}

t.test('CLI-30: file names as clients write them', async t => {
  const { origin } = await openDoor(t)
  const cases: [string, string][] = [
    ['filename="grüße 你好 🎉.txt"', 'grüße 你好 🎉.txt'],
    ["filename*=UTF-8''gr%C3%BC%C3%9Fe%20%E4%BD%A0.txt", 'grüße 你.txt'],
    ["filename=\"fallback.txt\"; filename*=utf-8'de'b%C3%A4r.txt", 'bär.txt'],
    ["filename*=UTF-8''first%C3%A9; filename=\"second\"", 'firsté'],
    ["filename*=iso-8859-1''caf%E9", 'café'],
    ["filename*=UTF-8''a%2522b", 'a%22b'],
    ["filename=\"a; filename*=UTF-8''evil.txt\"", "a; filename*=UTF-8''evil.txt"],
    ['filename="say %22hi%22.txt"', 'say "hi".txt'],
    ['filename="two%0D%0Alines.txt"', 'two__lines.txt'],
    ['filename="50%25 off%20.txt"', '50%25 off%20.txt'],
    ['filename="q\\"uote.txt"', 'q"uote.txt'],
    ['filename=token.txt', 'token.txt'],
    ['filename="semi;colon.txt"', 'semi;colon.txt'],
    ['filename="what?.txt"', 'what_.txt'],
    ['filename="tab\there"', 'tab_here'],
    ['filename="../../etc/passwd"', 'passwd'],
    ['filename="/etc/shadow"', 'shadow'],
    ['filename="C:\\Users\\me\\report.doc"', 'report.doc'],
    ["filename*=UTF-8''..%2F..%2Fx.txt", 'x.txt'],
    ["filename*=UTF-8''a%00b", 'a_b'],
    ['filename="a%00b"', 'a%00b'],
    ['filename="cdmi_secret"', '_cdmi_secret'],
    ['filename="__proto__"', '__proto__'],
    ['filename="-"', '-'],
    ['filename=".htaccess"', '.htaccess'],
    ['filename="<script>alert(1)</script>"', 'script>']
  ]
  for (const [disposition, expected] of cases) {
    const { name, location } = await nameOf(origin, disposition)
    t.equal(name, expected, disposition)
    t.equal((await fetch(location)).status, 200, `${disposition} can be fetched at its location`)
  }
})

t.test('CLI-30: names of which nothing is left are the object ID', async t => {
  const { origin } = await openDoor(t)
  for (const disposition of ['filename=""', 'filename="/"', 'filename="a/b/"', 'filename=".."', 'filename="."', 'filename="   "', "filename*=UTF-8''"]) {
    const { name, id, location } = await nameOf(origin, disposition)
    t.equal(name, id, disposition)
    t.equal((await fetch(location)).status, 200)
  }
})

t.test('CLI-30: bytes of type application/octet-stream without a name are a file, named by its ID', async t => {
  const { origin } = await openDoor(t)
  const { json } = await postForm(`${origin}/c/`, formBody([{ head: ['Content-Disposition: form-data; name="f"', 'Content-Type: application/octet-stream'], body: 'v' }]))
  t.equal(json.objects[0]?.['objectName'], json.objects[0]?.['objectID'])
})

t.test('CLI-30: a name of 5000 characters is shortened; its clashes too are names that can be used', async t => {
  const { model, origin } = await openDoor(t)
  for (const long of ['x'.repeat(5000) + '.txt', '你'.repeat(5000), '🎉'.repeat(5000)]) {
    const { status, json } = await postForm(`${origin}/c/`, formBody([filePart(long, '1'), filePart(long, '2')]))
    t.equal(status, 201)
    const [first, second] = json.objects
    t.ok(Buffer.byteLength(String(first?.['objectName'])) <= 1024)
    t.ok(long.startsWith(String(first?.['objectName'])))
    for (const [index, object] of [first, second].entries()) {
      t.equal(await (await fetch(String(object?.['location']))).text(), String(index + 1))
    }
  }
  t.equal((await childrenOf(model, '/c/')).length, 6)
})

t.test('CLI-30: bytes that are not UTF-8 in a name become a name that is', async t => {
  const { origin } = await openDoor(t)
  const head = Buffer.concat([Buffer.from('--xyz\r\nContent-Disposition: form-data; name="f"; filename="caf'), Buffer.from([0xe9, 0xff]), Buffer.from('.txt"\r\n\r\nv\r\n--xyz--\r\n')])
  const { status, json } = await postForm(`${origin}/c/`, head)
  t.equal(status, 201)
  const name = String(json.objects[0]?.['objectName'])
  t.match(name, /^caf.+\.txt$/)
  t.ok(name.isWellFormed())
  t.equal((await fetch(String(json.objects[0]?.['location']))).status, 200)
})

t.test('CLI-30: names reserved in the root container', async t => {
  const { origin } = await openDoor(t)
  const { json } = await postForm(`${origin}/`, formBody([filePart('-', '1'), filePart('data', '2')]))
  t.match(json.objects, [{ objectName: '_-', parentURI: '/' }, { objectName: 'data', location: `${origin}/data` }])
})
