/** What the server says that it can do, read from its own capability objects. */
import { AssertionError } from 'node:assert'
import type { Capabilities } from './case.js'
import { type Fields, holds, isFields } from './expect.js'
import type { Server } from './server.js'
import { cdmi, Target } from './target.js'

type Scope = keyof Capabilities
const scopes: readonly Scope[] = ['system', 'container', 'dataobject']

export interface Offers {
  /** Undefined where the capability object cannot be read: then it is taken to list everything, and the cases show what is true. */
  readonly lists: Readonly<Record<Scope, Fields | undefined>>
  readonly version1: boolean
}

/** Throws an AssertionError when nobody answers, or nobody is let in: then there is nothing to test. */
export async function readOffers (server: Server): Promise<Offers> {
  const target = new Target(server)
  const { request, status } = await target.get('/', cdmi.container)
  holds(status !== 401, `${request} answered 401: give a user that the server knows, and the password (--user, --password)`)
  // Where no container can be made every case will say so.
  await target.open().catch((error: unknown) => { if (!(error instanceof AssertionError)) throw error })
  try {
    await target.plain('PUT', 'object', 'x')
    const lists = {
      system: await capabilitiesAt(target, '/cdmi_capabilities/'),
      container: await capabilitiesAt(target, await capabilitiesURI(target, '', '/cdmi_capabilities/container/')),
      dataobject: await capabilitiesAt(target, await capabilitiesURI(target, 'object', '/cdmi_capabilities/dataobject/'))
    }
    const { headers } = await target.as1x().get('/')
    return { lists, version1: headers['x-cdmi-specification-version'] !== undefined }
  } finally {
    await target.close()
  }
}

/** The first capability that is needed and not advertised. */
export function lacking (offers: Offers, needs: Capabilities = {}): string | undefined {
  return namesOf(needs).find(name => !advertised(offers, name))
}

/** The first capability that is advertised. */
export function offering (offers: Offers, names: Capabilities = {}): string | undefined {
  return namesOf(names).find(name => advertised(offers, name))
}

/** Each with the capability object that lists it: `system: cdmi_references`. */
export function namesOf (capabilities: Capabilities): string[] {
  return scopes.flatMap(scope => (capabilities[scope] ?? []).map(name => `${scope}: ${name}`))
}

/** Whether the capability object that would list it could be read. `name`: as `namesOf` gives it. */
export function isKnown ({ lists }: Offers, name: string): boolean {
  return scopes.some(scope => name.startsWith(`${scope}: `) && lists[scope] !== undefined)
}

/** `name`: as `namesOf` gives it. */
export function advertised ({ lists }: Offers, name: string): boolean {
  const [scope, capability = ''] = name.split(': ')
  const list = lists[scopes.find(each => each === scope) ?? 'system']
  if (list === undefined) return true
  const value = list[capability]
  if (Array.isArray(value)) return value.length > 0
  return typeof value === 'string' && value !== 'false' && value !== ''
}

async function capabilitiesURI (target: Target, name: string, otherwise: string): Promise<string> {
  const answer = await target.get(name)
  const uri = answer.status === 200 && answer.type.startsWith('application/cdmi-') ? answer.fields.capabilitiesURI : undefined
  return typeof uri === 'string' ? uri : otherwise
}

async function capabilitiesAt (target: Target, uri: string): Promise<Fields | undefined> {
  const answer = await target.get(uri, cdmi.capability)
  if (answer.status !== 200 || !answer.type.startsWith('application/cdmi-')) return undefined
  const { capabilities } = answer.fields
  return isFields(capabilities) ? capabilities : undefined
}
