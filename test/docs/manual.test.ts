import t from 'tap'
import { readFileSync } from 'node:fs'
import * as errors from '../../cdmi/errors.js'
import { CdmiOptions, LimitOptions } from '../../schemas/options.js'

t.test('the manual lists every option of the plugin, and none that does not exist', async t => {
  const listed = [...readFileSync('docs/plugin.md', 'utf8').matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name).sort()
  const limits = Object.keys(LimitOptions.properties).map(name => `limits.${name}`)
  const options = Object.keys(CdmiOptions.properties).filter(name => name !== 'limits')
  t.same(listed, [...options, ...limits, 'store', 'users'].sort())
})

t.test('the manual lists every error with its status, and none that does not exist', async t => {
  const listed = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => `${code} ${status}`).sort()
  const thrown = Object.values(errors).flatMap(Type => {
    if (Type === errors.MissingSlash) return ['CDMI_MISSING_SLASH 301']
    const error = new (Type as new (...args: string[]) => Error & { code: string, statusCode: number })('x', 'y')
    return [`${error.code} ${error.statusCode}`]
  }).sort()
  t.same(listed, thrown)
})
