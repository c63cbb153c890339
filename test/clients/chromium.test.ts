import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import t, { type Test } from 'tap'
import { childrenOf, openDoor } from '../helpers/forms.js'

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** Why this cannot run here. With `CI=true` it must run. */
function missingBrowser (): string | false {
  if (existsSync(executablePath) || process.env['CI'] === 'true') return false
  console.error(`SKIPPED: there is no Chromium at ${executablePath}; install it, or name it in CHROMIUM, to run this test`)
  return 'there is no Chromium on this machine'
}

let browser: Browser | undefined
const skip = missingBrowser()

t.before(async () => { if (skip === false) browser = await chromium.launch({ executablePath, args }) })
t.teardown(async () => { await browser?.close() })

async function openPage (t: Test) {
  if (browser === undefined) throw new Error('no browser')
  const context = await browser.newContext()
  t.teardown(async () => { await context.close() })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => { if (message.type() === 'error') complaints.push(message.text()) })
  return { page, complaints }
}

const names = ['grüße & 你好 #1.txt', 'naïve "quoted" 100%.txt'] as const

async function files (t: Test): Promise<string[]> {
  const directory = t.testdir()
  await mkdir(directory, { recursive: true })
  const paths = names.map(name => join(directory, name))
  for (const [index, path] of paths.entries()) await writeFile(path, `value ${index}`)
  return paths
}

t.test('HCO-14, CLI-30, CLI-32: a <form> in Chromium stores two files; the answer links to them', { skip, timeout: 120_000 }, async t => {
  const { model, origin } = await openDoor(t, { prefix: '/cdmi/2.0.0' })
  const { page, complaints } = await openPage(t)
  await page.goto(`${origin}/cdmi/2.0.0/c/`)
  await page.setInputFiles('input[type=file]', await files(t))
  await page.click('button[type=submit]')
  await page.waitForSelector('text=2 files stored')
  t.same((await childrenOf(model, '/c/')).toSorted(), [...names].toSorted())
  t.same(await page.locator('table a').allTextContents(), names)
  for (const [index, name] of names.entries()) {
    await page.click(`table a >> nth=${index}`)
    t.equal(await page.locator('body').textContent(), `value ${index}`, name)
    await page.goBack()
    if (await page.locator('table a').count() === 0) await page.goto(`${origin}/cdmi/2.0.0/c/`)
  }
  await page.goto(`${origin}/cdmi/2.0.0/c/`)
  t.equal(await page.locator('tbody tr').count(), 3, 'both files and the way up')
  t.same(complaints, [], 'the pages keep their own security policy')
  t.equal(await page.evaluate('getComputedStyle(document.body).maxWidth'), '960px', 'the style sheet is allowed')
})

t.test('HCO-14: a page stored in the store may post its form to the store; a redirect leads to the container', { skip, timeout: 120_000 }, async t => {
  const { model, origin } = await openDoor(t, { formAnswer: 'redirect', formFields: 'metadata', activeContent: 'allow' })
  const html = '<!doctype html><meta charset="utf-8"><form method="post" action="/c/" enctype="multipart/form-data"><input name="note" value="hällo"><input type="file" name="f" multiple><input type="file" name="empty"><button>Send</button></form>'
  await fetch(`${origin}/page.html`, { method: 'PUT', headers: { 'content-type': 'text/html; charset=utf-8' }, body: html })
  const { page } = await openPage(t)
  await page.goto(`${origin}/page.html`)
  await page.setInputFiles('input[name=f]', await files(t))
  await page.click('button')
  await page.waitForURL(`${origin}/c/`)
  t.same((await page.locator('tbody a').allTextContents()).toSorted(), ['../', ...names].toSorted())
  t.equal((await childrenOf(model, '/c/')).length, 2, 'the empty file input is no file')
})

t.test('CLI-26: names that look like HTML run nothing in Chromium', { skip, timeout: 120_000 }, async t => {
  const { origin } = await openDoor(t)
  for (const name of ['"><img src=x onerror=alert(1)>', 'javascript:alert(1)', '<svg onload=alert(1)>']) {
    await fetch(`${origin}/c/${encodeURIComponent(name)}`, { method: 'PUT', body: 'safe' })
  }
  const { page } = await openPage(t)
  let dialogs = 0
  page.on('dialog', dialog => { dialogs++; dialog.dismiss().catch(() => {}) })
  await page.goto(`${origin}/c/`)
  t.equal(await page.locator('img, svg').count(), 0)
  t.equal(await page.locator('tbody a').count(), 4)
  t.same(await page.evaluate('[...document.querySelectorAll("tbody a")].map(link => link.protocol)'), ['http:', 'http:', 'http:', 'http:'])
  t.equal(dialogs, 0)
})
