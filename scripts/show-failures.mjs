// Prints again what failed in the last `npm test`, with the names of the tests around it: in a log of megabytes the end is all that many see.
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const results = '.tap/test-results'
const longest = 60

const indentOf = line => line.length - line.trimStart().length

/** Line numbers of the failures of a file that are not the sum of one within it. */
function failuresOf (lines) {
  const failures = []
  for (const [at, line] of lines.entries()) {
    if (!/^ *not ok /.test(line) || /# (todo|skip)/i.test(line)) continue
    // A test that failed comes after its failures, which are deeper.
    const within = failures.at(-1)
    const start = lines.findLastIndex((one, n) => n < at && one.startsWith(`${' '.repeat(indentOf(line))}# Subtest: `))
    if (within === undefined || within < start || indentOf(lines[within]) <= indentOf(line)) failures.push(at)
  }
  return failures
}

/** The tests that a line is in, outermost first. */
function testsAround (lines, at) {
  const names = []
  let indent = indentOf(lines[at])
  for (let n = at; n >= 0 && indent > 0; n--) {
    if (indentOf(lines[n]) >= indent || !/^ *# Subtest: /.test(lines[n])) continue
    names.unshift(lines[n].trim().slice('# Subtest: '.length))
    indent = indentOf(lines[n])
  }
  return names
}

/** The line with what is said of it below. */
function shown (lines, at) {
  const end = lines.findIndex((line, n) => n > at && line.trim() !== '' && indentOf(line) <= indentOf(lines[at]))
  return lines.slice(at, Math.min(end === -1 ? lines.length : end, at + longest))
}

// Without any it has not come to the tests: what the compiler said is what there is last.
const files = existsSync(results) ? readdirSync(results, { recursive: true }).filter(name => name.endsWith('.tap')).sort() : []
for (const file of files) {
  const lines = readFileSync(`${results}/${file}`, 'utf8').split('\n')
  const failures = failuresOf(lines)
  for (const at of failures) console.log(`\n${[file, ...testsAround(lines, at)].join(' > ')}\n${shown(lines, at).join('\n')}`)
  // A process that ended too early leaves no plan.
  if (failures.length === 0 && !lines.some(line => /^1\.\.\d+/.test(line))) console.log(`\n${file} ended before its tests had:\n${lines.slice(-longest).join('\n')}`)
}
