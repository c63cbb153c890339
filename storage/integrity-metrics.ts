/** What is known of rotten bytes, as numbers for who watches the server. */
import { counter, type Family, gauge } from '../metrics/family.js'
import type { Registry } from '../metrics/registry.js'
import type { Integrity } from './contract.js'

const damaged = { name: 'cdmi_damaged_reads_total', help: 'Reads that were ended because bytes were missing, or others than were written.' }
const bytes = { name: 'cdmi_scrub_bytes', help: 'Bytes that the pass of the scrub under way has read; of the last one when none is.' }
const found = { name: 'cdmi_scrub_damaged_blobs', help: 'Blobs that the pass of the scrub under way has found damaged; that the last one had found when none is.' }
const ended = { name: 'cdmi_scrub_last_pass_timestamp_seconds', help: 'When the last whole pass of the scrub ended, since 1970.' }

/** `read` is asked when somebody looks. */
export function readIntegrity (registry: Registry, read: () => Integrity): void {
  registry.read(() => {
    const { damagedReads, scrub } = read()
    const families: Family[] = [counter(damaged, damagedReads)]
    if (scrub !== undefined) families.push(gauge(bytes, scrub.bytes, 'max'), gauge(found, scrub.damaged, 'max'))
    if (scrub?.last !== undefined) families.push(gauge(ended, scrub.last.ended / 1000, 'max'))
    return families
  })
}
