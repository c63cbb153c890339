/** Which proxies are believed (Fastify's `trustProxy`), from the text that the operator writes. */
import { isIP } from 'node:net'
import { ConfigError } from './config-sources.js'

/** Names of networks that Fastify knows. */
const networks = new Set(['loopback', 'linklocal', 'uniquelocal'])

/** Throws ConfigError. */
export function trustedProxies (text: string | undefined): boolean | string[] {
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  // Fastify believes nobody then, for a number of hops cannot tell whether the neighbour is a proxy.
  if (/^\d+$/.test(text)) throw new ConfigError('The option trustProxy is a number, which says nothing of who is believed; give the addresses or networks of the proxies')
  const items = text.split(',').map(item => item.trim()).filter(item => item !== '')
  const wrong = items.find(item => !networks.has(item) && !isNetwork(item))
  if (wrong !== undefined) throw new ConfigError(`The option trustProxy has "${wrong}", which is neither an address nor a network like 10.0.0.0/8; it may also be "loopback", "linklocal", "uniquelocal" or "true"`)
  if (items.length === 0) throw new ConfigError('The option trustProxy names nobody')
  return items
}

function isNetwork (item: string): boolean {
  const [address = '', bits, ...more] = item.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}
