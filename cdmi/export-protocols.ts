/** Which capability an export asks for (COC-25, COC-68). None is offered: this is to name what is missing. Pure code. */
import { CapabilityMissing, InvalidRequest } from './errors.js'

/** Protocols by `type`, in any case, and by the names that CDMI 1.x gave to exports, with `Network/` or `OCCI/` before them. */
const protocols: ReadonlyArray<readonly [RegExp, string]> = [
  [/^occi\//i, 'occi'],
  [/^(network\/)?nfs/i, 'nfs'],
  [/^(network\/)?(smb|cifs)/i, 'smb'],
  [/^(network\/)?iscsi/i, 'iscsi'],
  [/^(network\/)?webdav/i, 'webdav'],
  [/^s3$/i, 's3']
]

/** Throws CapabilityMissing for the first of the exports, InvalidRequest when the standard does not know its protocol. No exports are nothing to refuse. */
export function refuseExports (exports: Readonly<Record<string, unknown>>): void {
  const [first] = Object.entries(exports)
  if (first === undefined) return
  const [name, structure] = first
  const protocol: unknown = typeof structure === 'object' && structure !== null && 'type' in structure ? structure.type : name
  const known = protocols.find(([pattern]) => typeof protocol === 'string' && pattern.test(protocol))
  if (known === undefined) throw new InvalidRequest(`The export "${name.slice(0, 100)}" is of no protocol that can be exported by; its "type" says which, like "NFS"`)
  throw new CapabilityMissing(`cdmi_export_container_${known[1]}`, 'containers')
}
