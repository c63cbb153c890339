import t, { type Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Address } from '../../cdmi/address.js'
import { checkNewName } from '../../cdmi/names.js'
import { itself } from '../../cdmi/principal.js'
import { Cdmi, openMemoryStore } from '../../index.js'
import { exportTree, measureTree } from '../../server/trees/export-tree.js'
import { fileNameOf, nameOfFile, sidecarName } from '../../server/trees/file-names.js'
import { typeOfFile } from '../../server/trees/file-types.js'
import { type ImportOptions, importTree } from '../../server/trees/import-tree.js'
import type { TreeReport } from '../../server/trees/tree-report.js'
import type { JsonObject, Store } from '../../storage/contract.js'
import { eventually } from '../helpers/eventually.js'
import { quickDirectory } from '../storage/embedded-driver.js'
import { fillStore, readByModel } from '../storage/whole-store.js'

const at = (...names: string[]): Address => ({ from: undefined, names, slash: true })
const still = { signal: new AbortController().signal, progress () {} }

async function exported (store: Store, directory: string, address = at()): Promise<TreeReport & { told: string[] }> {
  const cdmi = new Cdmi(store)
  const top = await cdmi.containers.find(itself, address)
  if (top === undefined) throw new Error('no container')
  const told: string[] = []
  return { ...await exportTree(cdmi, top, directory, { ...still, tell (text) { told.push(text) } }), told }
}

async function imported (store: Store, directory: string, address = at(), options: Partial<ImportOptions> = {}): Promise<TreeReport & { told: string[], notes: string[] }> {
  const [told, notes]: [string[], string[]] = [[], []]
  const report = await importTree(new Cdmi(store), directory, address, { ...still, existing: 'fail', dryRun: false, tell (text, note) { (note === true ? notes : told).push(text) }, ...options })
  return { ...report, told, notes }
}

/** What a reader gets, but for what belongs to the one object: its ID, its times, how often it was used, where its gaps are. */
async function contentOf (store: Store): Promise<JsonObject> {
  const own = /^(?:objectID|parentID|cdmi_[acm]time|cdmi_mcount|cdmi_acount|valuerange)$/
  return JSON.parse(JSON.stringify(await readByModel(store), (name, value: unknown) => own.test(name) ? undefined : typeof value === 'string' && value.length > 1000 ? createHash('sha256').update(value).digest('hex') : value)) as JsonObject
}

async function put (store: Store, path: readonly string[], value: string | Buffer, metadata: JsonObject = {}): Promise<void> {
  const cdmi = new Cdmi(store)
  const write = await cdmi.dataObjects.begin(itself, { mode: 'put', address: { ...at(...path), slash: false } })
  const bytes = async function * (): AsyncGenerator<Uint8Array> { yield Buffer.from(value) }
  const staged = await write.stage(bytes())
  await write.commit({ value: { kind: 'whole', staged }, encoding: () => 'base64', mimetype: 'text/x-test', metadata: () => metadata })
  write.end()
}

async function bytesAt (store: Store, ...path: string[]): Promise<string> {
  const { contents } = await new Cdmi(store).dataObjects.read(itself, { ...at(...path), slash: false }, ({ record }) => [{ offset: 0, length: record.size }])
  return Buffer.from(await contents[0]?.read() ?? []).toString()
}

t.test('what is imported is what was exported: values, types, metadata, containers that are empty, references; gaps are zeros', async t => {
  const store = openMemoryStore({ inlineLimit: 8 * 1024, segmentSize: 64 * 1024 })
  await fillStore(store)
  const directory = join(await quickDirectory(t), 'tree')
  const report = await exported(store, directory)
  // The object of which parts are missing has no value yet.
  t.equal(report.problems, 1)
  t.match(report.told, [/^\/in-parts was not exported: its completionStatus is "Processing", /])
  const cdmi = new Cdmi(store)
  const top = await cdmi.containers.find(itself, at())
  if (top === undefined) throw new Error('no root')
  const { objects, containers, references } = await measureTree(cdmi, top, still)
  t.match(report, { objects: objects - 1, containers, references })
  t.equal((await readFile(join(directory, 'a/long'), 'utf8')), 'other bytes, the copies stay')
  t.equal((await readFile(join(directory, 'a/sparse'))).length, 570_000)
  await cdmi.remove(itself, { ...at('in-parts'), slash: false })
  const again = openMemoryStore()
  const { told, notes, ...back } = await imported(again, directory)
  t.same([told, notes], [[], []])
  t.match(back, { objects: objects - 1, containers: containers - 1, references, bytes: report.bytes, kept: 0, problems: 0 })
  t.strictSame(await contentOf(again), await contentOf(store))
  await cdmi.flush()
})

/** Names that make trouble somewhere. */
const nasty = fc.constantFrom('a', 'A', 'é', 'é', '%', '%41', 'a:b', 'a%3Ab', 'con', 'NUL.txt', 'com1', '.', 'x.', 'x ', ' x', '.cdmi.jsonl', '.CDMI.jsonl', '%~', '-', '~', '\\', '*', '|', '<>', '"', "'", '\u{1f600}', 'ﬁ', '\u202e', '__proto__', 'constructor')
const aName = fc.oneof({ weight: 3, arbitrary: nasty }, fc.string({ unit: 'grapheme', maxLength: 40 }), fc.tuple(nasty, fc.nat(999)).map(([name, n]) => name + 'ü'.repeat(n % 400)))
  .filter(name => { try { checkNewName(name, true); return true } catch { return false } })

t.test('whatever the names of objects are, their files have names of their own that any file system can hold, and they come back', async t => {
  fc.assert(fc.property(aName, name => {
    for (const file of [fileNameOf(name), fileNameOf(name, true)]) {
      // eslint-disable-next-line no-control-regex
      if (/[\u0000-\u001f<>:"/\\|?*]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(file) || file === '' || file.toLowerCase() === sidecarName || Buffer.byteLength(file) > 255) throw new Error(file)
    }
    const back = nameOfFile(fileNameOf(name))
    return back === undefined ? Buffer.byteLength(fileNameOf(name)) > 200 : back === name
  }), { numRuns: 500 })
  await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.tuple(aName, fc.option(fc.uniqueArray(aName, { maxLength: 4 }))), { selector: ([name]) => name, maxLength: 8 }), async names => {
    const store = openMemoryStore()
    for (const [name, children] of names) {
      if (children === null) {
        await put(store, [name], `value of ${name}`, { name })
        continue
      }
      await new Cdmi(store).containers.create(itself, at(name), undefined, { metadata: () => ({ name }) })
      for (const child of children) await put(store, [name, child], child)
    }
    const directory = join(await quickDirectory(t), 'tree')
    t.match(await exported(store, directory), { problems: 0 })
    const again = openMemoryStore()
    t.match(await imported(again, directory), { problems: 0 })
    t.strictSame(await contentOf(again), await contentOf(store))
    await rm(directory, { recursive: true })
  }), { numRuns: 25 })
})

t.test('a plain directory becomes a container: types come from the ends of names, text is text where it is UTF-8, links and what is no file are left out and named', async t => {
  const directory = t.testdir({ 'a.txt': 'text', 'b.JPG': 'picture', 'c.unknown': 'x', 'wrong?.txt': 'x', cdmi_x: 'x', empty: {}, sub: { 'page.html': '<p>', deep: { 'd.json': '{}' } } })
  await writeFile(join(directory, 'latin.txt'), Buffer.from([0xe9]))
  await symlink('/etc/passwd', join(directory, 'link'))
  const store = openMemoryStore()
  const dry = await imported(store, directory, at('new'), { dryRun: true })
  t.equal((await store.meta.children(store.rootID, { limit: 10 })).length, 0, 'nothing was made')
  const report = await imported(store, directory, at('new'))
  t.same(report, dry, 'the dry run has said so')
  t.match(report, { containers: 3, objects: 6, references: 0, problems: 3, notes: [] })
  t.match(report.told.sort(), [/cdmi_x was not imported: Names that begin with "cdmi_" are reserved/, /link was not imported: it is a link, not a file or a directory$/, /wrong\?\.txt was not imported: A name must not contain "\?"/])
  const content = JSON.stringify(await contentOf(store))
  for (const part of ['"objectName":"b.JPG"', '"mimetype":"image/jpeg"', '"mimetype":"application/octet-stream"', '"mimetype":"text/html"', '"value":"text"', '"value":"6Q=="', '"objectName":"empty/"']) t.ok(content.includes(part), part)
  t.same([typeOfFile('constructor'), typeOfFile('x.constructor'), typeOfFile('a.SVG')], [{ mimetype: 'application/octet-stream', encoding: 'base64' }, { mimetype: 'application/octet-stream', encoding: 'base64' }, { mimetype: 'image/svg+xml', encoding: 'utf-8' }])
})

t.test('what is there already is a problem, stays, or gets the new value, as the options say; files that were added or changed after the export are taken as they are', async t => {
  const store = openMemoryStore()
  await put(store, ['one'], 'first', { a: '1' })
  await put(store, ['two'], 'second')
  const directory = join(t.testdir(), 'tree')
  await exported(store, directory)
  await writeFile(join(directory, 'one'), 'changed')
  await writeFile(join(directory, 'added.txt'), 'added')
  const failed = await imported(store, directory)
  t.match(failed, { objects: 1, problems: 2, kept: 0 })
  t.match(failed.told.sort(), [/one was not imported: \/one exists already, and stays as it is$/, /two was not imported/])
  t.equal(await bytesAt(store, 'one'), 'first')
  t.match(await imported(store, directory, at(), { existing: 'keep' }), { objects: 3, kept: 3, problems: 0 })
  t.equal(await bytesAt(store, 'one'), 'first')
  const dry = await imported(store, directory, at(), { existing: 'replace', dryRun: true })
  const replaced = await imported(store, directory, at(), { existing: 'replace' })
  t.match(dry, { objects: 3, kept: 0, problems: 0 })
  t.match(replaced, { objects: 3, kept: 0, problems: 0, notes: [/one has other bytes than were exported; it was imported as it is now$/] })
  t.same([await bytesAt(store, 'one'), await bytesAt(store, 'two'), await bytesAt(store, 'added.txt')], ['changed', 'second', 'added'])
})

t.test('a sidecar is not believed: one that leads elsewhere, is cut short, or says what cannot be, is a problem that is named', async t => {
  const store = openMemoryStore()
  await put(store, ['one'], 'first')
  await put(store, ['two'], 'second')
  const fresh = async (t: Test, change: (text: string) => string): Promise<TreeReport & { told: string[] }> => {
    const directory = join(t.testdir(), 'tree')
    await exported(store, directory)
    const path = join(directory, sidecarName)
    const text = await readFile(path, 'utf8')
    t.not(change(text), text)
    await writeFile(path, change(text))
    await writeFile(join(directory, '../secret'), 'secret')
    const again = openMemoryStore()
    const report = await imported(again, directory)
    t.notMatch(JSON.stringify(await contentOf(again)), /secret/)
    return report
  }
  for (const [name, change, told, objects] of [
    ['a path', text => text.replace('"file":"one"', '"file":"../secret"'), /has a "file" in line 2 that is not the name of one$/, 2],
    ['cut short', text => text.slice(0, text.lastIndexOf('{')), /has no end: it was cut short$/, 2],
    ['a line is missing', text => text.split('\n').toSpliced(1, 1).join('\n'), /says that it has 2 children, and has 1$/, 2],
    ['no JSON', text => text.replace('{"object"', '{object'), /has no JSON object in line 2$/, 2],
    ['a wrong type', text => text.replace('text/x-test', 'x'), /one was not imported: "mimetype" is not a media type/, 1],
    ['a file that is not there', text => text.replace('"file":"one"', '"file":"three"'), /three was not imported: ENOENT/, 2],
    ['a reserved name', text => text.replace('"objectName":"one"', '"objectName":"cdmi_one"'), /one was not imported: Names that begin with "cdmi_"/, 1]
  ] as ReadonlyArray<[string, (text: string) => string, RegExp, number]>) {
    await t.test(name, async t => {
      const report = await fresh(t, change)
      t.match(report, { objects, problems: 1 })
      t.match(report.told[0], told)
    })
  }
})

t.test('a sidecar that is a link, a pipe or a directory is not read: it is named, and the files are taken as they are', { timeout: 20_000 }, async t => {
  const directory = t.testdir({ secret: '{"container":{"objectName":"x/","metadata":{"told":"secret"}}}\n{"children":0}\n', link: { a: 'x' }, pipe: { a: 'x' }, directory: { a: 'x', [sidecarName]: {} } })
  await symlink('../secret', join(directory, 'link', sidecarName))
  execFileSync('mkfifo', [join(directory, 'pipe', sidecarName)])
  for (const kind of ['link', 'pipe', 'directory']) {
    const store = openMemoryStore()
    const { objects, told } = await imported(store, join(directory, kind), at('c'))
    t.equal(objects, 1, kind)
    t.match(told, [/\.cdmi\.jsonl is not a file$/], kind)
    t.notMatch(JSON.stringify(await contentOf(store)), /secret/)
  }
})

t.test('a sidecar that is given up is closed', { skip: !existsSync('/proc/self/fd') }, async t => {
  // More lines than are read at once.
  const directory = t.testdir({ [sidecarName]: `{"container":{"objectName":"x/"}}\n{wrong\n${' \n'.repeat(500_000)}` })
  const path = join(directory, sidecarName)
  for (let n = 0; n < 3; n++) t.match((await imported(openMemoryStore(), directory, at('c'))).told.at(-1), /has no JSON object in line 2$/)
  await eventually('it is closed', async () => (await Promise.all((await readdir('/proc/self/fd')).map(async fd => await readlink(`/proc/self/fd/${fd}`).catch(() => '')))).every(file => file !== path))
})

t.test('an export needs an empty directory; an import a directory, and a parent of the container', async t => {
  const store = openMemoryStore()
  await put(store, ['one'], 'first')
  const directory = t.testdir({ x: 'x' })
  await t.rejects(exported(store, directory), { name: 'TreeError', message: /is not empty; an export needs an empty directory or a new one$/ })
  t.same(await readdir(directory), ['x'])
  await t.rejects(imported(store, join(directory, 'nothing')), { code: 'ENOENT' })
  await t.rejects(imported(store, directory, at('no', 'such')), { code: 'CDMI_PARENT_NOT_FOUND' })
  await mkdir(join(directory, 'empty'))
  t.match(await exported(store, join(directory, 'empty')), { objects: 1 })
})
