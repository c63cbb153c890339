import fc from 'fast-check'
import t from 'tap'
import { shownName } from '../../../cdmi/containers.js'
import { hasSlash } from '../../../cdmi/record.js'
import { childHref, escapeHtml } from '../../../routes/http/html.js'
import { limitedPages } from '../../../routes/http/limited-pages.js'
import { htmlRows, jsonNames } from '../../../routes/http/name-text.js'
import { namePageOf, namesOfType, nameAt, partOfPage } from '../../../storage/name-page.js'
import { anyCharacter } from '../../helpers/any-text.js'
import { textsOf } from '../../helpers/name-pages.js'

interface Child { readonly name: string, readonly type: string }

const type = fc.constantFrom('d', 'c', 'r', 'k')
/** What text is made of that needs care: quotes, control characters, markup, reserved characters, one to four bytes of UTF-8. */
const hostile = fc.string({ unit: fc.oneof(fc.constantFrom(...'"\\/\'<>&%?#;:=+ \u0000\b\t\n\f\r\u001f\u007f\u0085\u2028\ufeff\ufffdé你\u{1f600}\u{10ffff}'), anyCharacter), minLength: 1, maxLength: 12 })
const children = fc.array(fc.record({ name: hostile, type }), { maxLength: 40 })
const pages = fc.array(children, { maxLength: 4 })

const pageOf = (list: readonly Child[], more = false) => namePageOf(list, more)
const textOf = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString()

t.test('names are in JSON what JSON.stringify makes of them, over any pages', async t => {
  fc.assert(fc.property(pages, lists => {
    const write = jsonNames()
    const text = textOf(lists.flatMap(list => write(pageOf(list))))
    t.equal(`[${text}]`, JSON.stringify(lists.flat().map(shownName)))
  }), { numRuns: 300 })
})

t.test('names are in HTML what the escapes of single texts make of them', async t => {
  const kinds: Readonly<Record<string, string>> = { d: 'data object', c: 'container', r: 'reference', k: 'reference' }
  const row = (child: Child): string => `<tr><td><a href="${childHref(child.name, hasSlash(child))}">${escapeHtml(shownName(child))}</a></td><td>${kinds[child.type]}</td></tr>\n`
  fc.assert(fc.property(pages, lists => {
    t.equal(textOf(lists.flatMap(list => htmlRows(pageOf(list)))), lists.flat().map(row).join(''))
  }), { numRuns: 300 })
})

t.test('chunks have at most 64 KiB, and no name is lost between them, nor one that is longer than a chunk', async t => {
  const many = Array.from({ length: 5000 }, (_, n) => ({ name: `\u0001"${n}\u{1f600}`, type: 'd' }))
  const long = [{ name: 'a', type: 'd' }, { name: '\u0001'.repeat(100_000), type: 'c' }, { name: 'z', type: 'r' }]
  for (const write of [jsonNames(), htmlRows]) {
    const chunks = write(pageOf(many))
    t.ok(chunks.length > 1)
    for (const chunk of chunks) t.ok(chunk.length <= 64 * 1024)
    const text = textOf(chunks)
    for (const { name } of many) if (!text.includes(write === htmlRows ? escapeHtml(name) : JSON.stringify(name))) t.fail(name)
  }
  t.equal(`[${textOf(jsonNames()(pageOf(long)))}]`, JSON.stringify(long.map(shownName)))
  t.equal(textOf(htmlRows(pageOf(long))).length, long.map(({ name, type }) => childHref(name, hasSlash({ type })).length + shownName({ name, type }).length).reduce((a, b) => a + b) +
    '<tr><td><a href=""></a></td><td>data objectcontainerreference</td></tr>\n'.length + '<tr><td><a href=""></a></td><td></td></tr>\n'.length * 2)
})

t.test('a page that comes again has the same text, first in a list or later, in each form', async t => {
  const page = pageOf(['a', '"', '\u{1f600}'].map(name => ({ name, type: 'c' })))
  for (let round = 0; round < 3; round++) {
    const write = jsonNames()
    t.equal(textOf([...write(page), ...write(page)]), '"a/","\\"/","\u{1f600}/","a/","\\"/","\u{1f600}/"')
    t.match(textOf(htmlRows(page)), /^<tr><td><a href="a\/">a\/<\/a><\/td><td>container<\/td><\/tr>\n<tr><td><a href="%22\/">&quot;\/</)
  }
})

t.test('parts of a page, and the names of one type, are those of the list', async t => {
  fc.assert(fc.property(children, fc.integer({ min: -3, max: 45 }), fc.integer({ min: -3, max: 45 }), fc.boolean(), (list, from, to, more) => {
    const page = pageOf(list, more)
    const part = partOfPage(page, from, to)
    const expected = from < to ? list.slice(Math.max(0, from), Math.max(0, to)) : []
    t.same(textsOf(part), expected.map(({ name }) => name))
    t.same(Array.from(part.types, letter => String.fromCharCode(letter)), expected.map(({ type }) => type))
    if (part.count > 0) t.equal(part.more, more || to < list.length)
    const containers = namesOfType(page, 'c')
    t.same(textsOf(containers), list.filter(({ type }) => type === 'c').map(({ name }) => name))
    t.equal(containers.count, containers.types.filter(letter => letter === 'c'.charCodeAt(0)).length)
    t.equal(containers.more, more)
  }), { numRuns: 300 })
})

t.test('a page with a limit tells its last name exactly when there are more', async t => {
  await fc.assert(fc.asyncProperty(fc.array(children.filter(list => list.length > 0), { maxLength: 4 }), fc.integer({ min: 1, max: 60 }), async (lists, limit) => {
    async function * source () { for (const list of lists) yield pageOf(list) }
    const { pages, last } = await limitedPages(source(), limit)
    const all = lists.flat()
    t.same(pages.flatMap(textsOf), all.slice(0, limit).map(({ name }) => name))
    t.equal(last, all.length > limit ? all[limit - 1]?.name : undefined)
  }), { numRuns: 200 })
  t.equal(nameAt(pageOf([{ name: '\ud800', type: 'd' }]), 0), '\ufffd', 'half a pair is no character')
})
