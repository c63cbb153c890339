/** `fastify-cdmi export` and `fastify-cdmi import`: containers as plain directories, and back. */
import { resolve } from 'node:path'
import type { Address } from '../cdmi/address.js'
import { describe, objectIDRoot } from '../cdmi/address.js'
import { itself } from '../cdmi/principal.js'
import type { CdmiObject } from '../cdmi/record.js'
import { parseURIPath } from '../cdmi/uri-path.js'
import { Cdmi } from '../index.js'
import type { ServerConfig } from '../schemas/config.js'
import { storeDirectory } from '../server/store-config.js'
import { exportTree, measureTree } from '../server/trees/export-tree.js'
import { importTree } from '../server/trees/import-tree.js'
import { openToRead, openToWrite } from '../server/trees/open-tree-store.js'
import type { TreeOptions, TreeReport } from '../server/trees/tree-report.js'
import { hideSecrets } from '../server/url-secrets.js'
import type { Store } from '../storage/contract.js'
import { isStore } from '../storage/embedded/store-format.js'
import { bytesText, countText } from './amounts.js'
import { configOf, type Flags } from './config-flags.js'
import { LeftOutError, sentenceOf, UsageError } from './failure.js'
import { printJson, watched } from './watched.js'

/** Problems that are kept for the JSON; all are counted. */
const mostKept = 10_000

/** Exit codes: 0 all is there, 1 it did not work, 2 wrong options, 3 some objects could not be exported. */
export async function exportCommand (flags: Flags): Promise<void> {
  const to = given(flags, 'to', 'where the directory is to be made')
  const address = containerIn(flags)
  const dryRun = flags['dryRun'] === true
  await run(flags, { directory: to, address, interrupted: 'The export was interrupted; remove what it has written and run it again', open: openToRead }, async (cdmi, options) => {
    const top = await containerAt(cdmi, address)
    return dryRun ? await measureTree(cdmi, top, options) : await exportTree(cdmi, top, to, options)
  }, (report, directory) => `${describe(address)} ${dryRun ? 'has' : `is in ${directory}:`} ${amounts(report)}.`)
}

/** Exit codes: 0 all is there, 1 it did not work, 2 wrong options, 3 some files could not be imported. */
export async function importCommand (flags: Flags): Promise<void> {
  const from = given(flags, 'from', 'which directory is to be imported')
  const address = containerIn(flags)
  const dryRun = flags['dryRun'] === true
  const { existing = 'fail' } = flags
  if (existing !== 'fail' && existing !== 'keep' && existing !== 'replace') throw new UsageError('--existing is fail, keep or replace')
  await run(flags, { directory: from, address, interrupted: 'The import was interrupted; run it again with --existing keep to go on', open: openToWrite }, async (cdmi, options) =>
    await importTree(cdmi, from, address, { ...options, existing, dryRun }), (report, directory) =>
    `${directory} ${dryRun ? 'would be' : 'is'} in ${describe(address)}: ${amounts(report)}${report.kept === 0 ? '' : `; ${countText(report.kept, 'object')} of these ${report.kept === 1 ? 'was' : 'were'} there already`}.`)
}

interface Tree {
  readonly directory: string
  readonly address: Address
  readonly interrupted: string
  readonly open: (config: ServerConfig) => Promise<Store>
}

async function run (flags: Flags, { directory, address, interrupted, open }: Tree, work: (cdmi: Cdmi, options: TreeOptions) => Promise<TreeReport>, describeReport: (report: TreeReport, directory: string) => string): Promise<void> {
  const config = configOf(flags)
  const json = flags['json'] === true
  const store = storeDirectory(config)
  // Opening makes a store where there is none: not what somebody means who mistyped its name.
  if (store !== undefined && !await isStore(store)) throw new UsageError(`There is no store in ${store}; name its directory with --data`)
  const said = { leftOut: new Array<string>(), notes: new Array<string>() }
  const tell = (text: string, note = false): void => {
    if (!json) process.stdout.write(`${text}.\n`)
    else if (said.leftOut.length + said.notes.length < mostKept) said[note ? 'notes' : 'leftOut'].push(text)
  }
  const place = { directory: resolve(directory), container: describe(address) }
  let report: TreeReport
  try {
    report = await watched(interrupted, { values: 'values' }, async watch => {
      const opened = await open(config)
      const cdmi = new Cdmi(opened, config.limits)
      try {
        const done = await work(cdmi, { ...watch, tell })
        await cdmi.flush()
        return done
      } finally {
        await opened.close()
      }
    })
  } catch (error) {
    if (json) printJson({ status: 'failed', ...place, error: hideSecrets(sentenceOf(error)), ...said })
    throw error
  }
  if (json) printJson({ status: report.problems === 0 ? 'complete' : 'incomplete', ...place, ...report, ...said })
  else process.stdout.write(`${describeReport(report, place.directory)}\n`)
  if (report.problems > 0) throw new LeftOutError(`${countText(report.problems, 'object')} could not be taken along; ${json ? 'which and why is in the result' : 'which and why is said above'}`)
}

function amounts ({ containers, objects, references, bytes }: TreeReport): string {
  return `${countText(containers, 'container')}, ${countText(objects, 'data object')} (${bytesText(bytes)}) and ${countText(references, 'reference')}`
}

function given (flags: Flags, name: string, what: string): string {
  const value = flags[name]
  if (typeof value !== 'string' || value === '') throw new UsageError(`Say with --${name} ${what}`)
  return value
}

/** A path as a URI has it, or with its names as they are; with or without the slash at its end. */
function containerIn (flags: Flags): Address {
  const { container = '/' } = flags
  let address: Address | typeof objectIDRoot
  try {
    ({ address } = parseURIPath(String(container)))
  } catch (error) {
    throw new UsageError(`--container is no path: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (address === objectIDRoot) throw new UsageError('--container must be a container, as in /path/')
  return { ...address, slash: true }
}

async function containerAt (cdmi: Cdmi, address: Address): Promise<CdmiObject> {
  const top = await cdmi.containers.find(itself, address)
  if (top === undefined) throw new UsageError(`${describe(address)} does not exist`)
  return top
}
