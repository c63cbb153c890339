import t from 'tap'
import fc from 'fast-check'
import { checkName, checkNewName, distinctName, safeName } from '../../cdmi/names.js'
import { anyText } from '../helpers/any-text.js'
import { refuses } from '../helpers/refuses.js'

t.test('reserved names: cdmi_ anywhere, "-" in the root container', async t => {
  await refuses(t, 400, () => checkNewName('cdmi_objectid', true))
  await refuses(t, 400, () => checkNewName('cdmi_x', false))
  await refuses(t, 400, () => checkNewName('-', true))
  t.doesNotThrow(() => checkNewName('-', false))
  t.doesNotThrow(() => checkNewName('CDMI_x', true))
})

t.test('CLI-30: directories are stripped from file names, forbidden characters mapped, empty names are none', async t => {
  t.equal(safeName('C:\\Users\\me\\report.pdf', false), 'report.pdf')
  t.equal(safeName('../../etc/passwd', false), 'passwd')
  t.equal(safeName('what?.txt', false), 'what_.txt')
  t.equal(safeName('a\u0000b', false), 'a_b')
  t.equal(safeName('Grüße 你好.txt', false), 'Grüße 你好.txt')
  for (const empty of ['', '.', '..', '/', 'a/..', '  ']) t.equal(safeName(empty, false), undefined, JSON.stringify(empty))
  t.equal(safeName('cdmi_x', false), '_cdmi_x')
  t.equal(safeName('-', true), '_-')
})

t.test('CLI-30: whatever a client calls its file, the safe name is a legal one, also with an object ID appended', async () => {
  const id = '0'.repeat(48)
  fc.assert(fc.property(anyText({ maxLength: 2000 }), fc.boolean(), (fileName, inRoot) => {
    const name = safeName(fileName, inRoot)
    if (name === undefined) return
    checkNewName(name, inRoot)
    checkName(distinctName(name, id))
  }))
})

t.test('CLI-31: a taken name gets the object ID before its extension', async t => {
  t.equal(distinctName('report.tar.gz', 'ID'), 'report.tar-ID.gz')
  t.equal(distinctName('README', 'ID'), 'README-ID')
  t.equal(distinctName('.profile', 'ID'), '.profile-ID')
})
