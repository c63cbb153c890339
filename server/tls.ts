/** Keys and certificates: given by the operator, or made once per store (GEN-37: TLS 1.2 and later). */
import { X509Certificate } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
import type { ServerConfig } from '../schemas/config.js'
import { makeDirectory } from '../storage/files/make-directory.js'
import { ConfigError } from './config-sources.js'

const day = 86_400_000
/** Longest life that all browsers accept of a certificate that they were told to trust. */
const lifetime = 398 * day
const renewBefore = 30 * day

/** Forward secrecy and authenticated encryption, in all of them; the first three are those of TLS 1.3. Clients without help in hardware may prefer ChaCha20. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

export type ServerTls = SecureContextOptions & Pick<TlsOptions, 'requestCert' | 'rejectUnauthorized'>

/** Options for Node's TLS server; undefined without TLS. Throws ConfigError. */
export async function tlsOptions (config: ServerConfig, directory: string | undefined): Promise<ServerTls | undefined> {
  const own = await certificateOptions(config, directory)
  const { clientCertificates = 'none', clientCa, clientUser = 'none', tlsMinVersion } = config
  if (own === undefined) {
    const needless = Object.entries({ tlsMinVersion, clientCa, redirectPort: config.redirectPort, redirectTo: config.redirectTo }).find(([, value]) => value !== undefined)?.[0] ?? (clientCertificates === 'none' ? undefined : 'clientCertificates')
    if (needless !== undefined) throw new ConfigError(`The option ${needless} is for a server with TLS: give it a certificate (tlsCert, tlsKey), or set tls to self-signed`)
  }
  if (clientCertificates !== 'none' && clientCa === undefined) throw new ConfigError('Client certificates are asked for (clientCertificates), but no authority is named that makes them (clientCa)')
  if (clientCertificates === 'none' && clientCa !== undefined) throw new ConfigError('An authority for client certificates is named (clientCa), but clients are not asked for any (clientCertificates)')
  if (clientCertificates === 'none' && clientUser !== 'none') throw new ConfigError('Client certificates are to name users (clientUser), but clients are not asked for any (clientCertificates)')
  if (own === undefined || clientCa === undefined) return own
  const ca = await pemOf(clientCa, 'authority (clientCa, CDMI_CLIENT_CA)')
  // A file without a certificate in it would be taken for one that trusts nobody.
  if (!isCertificate(ca)) throw new ConfigError('The authority for client certificates (clientCa) cannot be used: there is no certificate in it')
  return { ...own, ca, requestCert: true, rejectUnauthorized: clientCertificates === 'require' }
}

function isCertificate (pem: string): boolean {
  try {
    return new X509Certificate(pem).fingerprint256 !== ''
  } catch {
    return false
  }
}

/** Files that TLS is made of; when one of them has changed it is time to look again. */
export function tlsFiles ({ tls, tlsCert, tlsKey, clientCa }: ServerConfig, directory: string | undefined): readonly string[] {
  const given = [tlsCert, tlsKey, clientCa].filter((one): one is string => one !== undefined && !isPem(one))
  return tls === 'self-signed' && directory !== undefined ? [ownFile(directory), ...given] : given
}

/** Milliseconds since 1970 from which on the certificate of a store is to be made anew. */
export function renewalOf ({ cert }: SecureContextOptions): number {
  return new Date(new X509Certificate(String(cert)).validTo).getTime() - renewBefore
}

async function certificateOptions (config: ServerConfig, directory: string | undefined): Promise<SecureContextOptions | undefined> {
  const given = config.tlsCert !== undefined || config.tlsKey !== undefined
  if (given && config.tls !== undefined) throw new ConfigError(`tls is ${config.tls}, but a certificate is given, too (tlsCert, tlsKey): leave one of them out`)
  if (!given && config.tlsPassphrase !== undefined) throw new ConfigError('A TLS passphrase is given (tlsPassphrase, TLS_PASSPHRASE), but no key for it (tlsKey, TLS_KEY)')
  const { tlsMinVersion: minVersion = 'TLSv1.2' } = config
  if (given) return { ...await givenCertificate(config), minVersion }
  if (config.tls !== 'self-signed') return undefined
  if (directory === undefined) throw new ConfigError('tls is self-signed, but a store in a database has no place for a certificate, and each server would make its own: give one (tlsCert, tlsKey)')
  return { ...checkedContext(await ownCertificate(directory), 'The self-signed certificate'), minVersion }
}

async function givenCertificate ({ tlsCert, tlsKey, tlsPassphrase }: ServerConfig): Promise<SecureContextOptions> {
  if (tlsCert === undefined) throw new ConfigError('A TLS key is given (tlsKey, TLS_KEY), but no certificate (tlsCert, TLS_CERT)')
  if (tlsKey === undefined) throw new ConfigError('A TLS certificate is given (tlsCert, TLS_CERT), but no key (tlsKey, TLS_KEY)')
  const pems = { cert: await pemOf(tlsCert, 'certificate (tlsCert, TLS_CERT)'), key: await pemOf(tlsKey, 'key (tlsKey, TLS_KEY)') }
  return checkedContext({ ...pems, ...(tlsPassphrase === undefined ? {} : { passphrase: tlsPassphrase }) }, 'The TLS certificate with its key (tlsCert, tlsKey, tlsPassphrase)')
}

/** PEM text itself, or a file of it. Its name is not repeated: it may be a key that lost its first line. */
async function pemOf (given: string, what: string): Promise<string> {
  if (isPem(given)) return given
  try {
    return await readFile(given, 'utf8')
  } catch (error) {
    throw new ConfigError(`The file of the TLS ${what} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}

function isPem (given: string): boolean {
  return given.includes('-----BEGIN')
}

function ownFile (directory: string): string {
  return join(directory, 'self-signed.pem')
}

function checkedContext (options: SecureContextOptions, what: string): SecureContextOptions {
  const all: SecureContextOptions = { ciphers, honorCipherOrder: false, ...options }
  try {
    createSecureContext(all)
  } catch (error) {
    throw new ConfigError(`${what} cannot be used: ${(error as Error).message}`)
  }
  return all
}

/** The certificate of this store: one file with key and certificate, so that they cannot differ. Made anew before it expires. */
async function ownCertificate (directory: string): Promise<{ key: string, cert: string }> {
  const file = ownFile(directory)
  const pem = await readFile(file, 'utf8').catch(() => '')
  if (isValid(pem)) return { key: pem, cert: pem }
  const made = await makeCertificate()
  try {
    await makeDirectory(directory)
    await keep(made, file)
  } catch (error) {
    throw new ConfigError(`The self-signed certificate cannot be kept in ${directory} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
  return { key: made, cert: made }
}

/** Whole or not at all, and for its owner alone. */
async function keep (pem: string, file: string): Promise<void> {
  const beside = `${file}.${process.pid}`
  const handle = await open(beside, 'w', 0o600)
  try {
    await handle.writeFile(pem)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, file)
}

function isValid (pem: string): boolean {
  try {
    createSecureContext({ key: pem, cert: pem })
    return renewalOf({ cert: pem }) > Date.now()
  } catch {
    return false
  }
}

async function makeCertificate (): Promise<string> {
  // Here, not above: who has a certificate does not need the library.
  const { generate } = await import('selfsigned')
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'fastify-cdmi' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - day),
    notAfterDate: new Date(Date.now() - day + lifetime),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [...new Set(['localhost', hostname()])].map(value => ({ type: 2, value }) as const).concat([{ type: 7, ip: '127.0.0.1' }, { type: 7, ip: '::1' }] as never[]) }
    ]
  })
  return `${key.trim()}\n${cert.trim()}\n`
}
