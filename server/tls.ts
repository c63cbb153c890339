/** Keys and certificates: given by the operator, or made once per store (GEN-37: TLS 1.2 and later). */
import { X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import type { ServerConfig } from '../schemas/config.js'
import { ConfigError } from './config-sources.js'

const day = 86_400_000
/** Longest life that all browsers accept of a certificate that they were told to trust. */
const lifetime = 398 * day
const renewBefore = 30 * day

/** Options for Node's TLS server; undefined without TLS. Throws ConfigError. */
export async function tlsOptions (config: ServerConfig, directory: string | undefined): Promise<SecureContextOptions | undefined> {
  const given = config.tlsCert !== undefined || config.tlsKey !== undefined
  if (given && config.tls !== undefined) throw new ConfigError(`tls is ${config.tls}, but a certificate is given, too (tlsCert, tlsKey): leave one of them out`)
  if (!given && config.tlsPassphrase !== undefined) throw new ConfigError('A TLS passphrase is given (tlsPassphrase, TLS_PASSPHRASE), but no key for it (tlsKey, TLS_KEY)')
  if (given) return await givenCertificate(config)
  if (config.tls !== 'self-signed') return undefined
  if (directory === undefined) throw new ConfigError('tls is self-signed, but a store in a database has no place for a certificate, and each server would make its own: give one (tlsCert, tlsKey)')
  return checkedContext(await ownCertificate(directory), 'The self-signed certificate')
}

async function givenCertificate ({ tlsCert, tlsKey, tlsPassphrase }: ServerConfig): Promise<SecureContextOptions> {
  if (tlsCert === undefined) throw new ConfigError('A TLS key is given (tlsKey, TLS_KEY), but no certificate (tlsCert, TLS_CERT)')
  if (tlsKey === undefined) throw new ConfigError('A TLS certificate is given (tlsCert, TLS_CERT), but no key (tlsKey, TLS_KEY)')
  const pems = { cert: await pemOf(tlsCert, 'certificate (tlsCert, TLS_CERT)'), key: await pemOf(tlsKey, 'key (tlsKey, TLS_KEY)') }
  return checkedContext({ ...pems, ...(tlsPassphrase === undefined ? {} : { passphrase: tlsPassphrase }) }, 'The TLS certificate with its key (tlsCert, tlsKey, tlsPassphrase)')
}

/** PEM text itself, or a file of it. Its name is not repeated: it may be a key that lost its first line. */
async function pemOf (given: string, what: string): Promise<string> {
  if (given.includes('-----BEGIN')) return given
  try {
    return await readFile(given, 'utf8')
  } catch (error) {
    throw new ConfigError(`The file of the TLS ${what} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}

function checkedContext (options: SecureContextOptions, what: string): SecureContextOptions {
  const all: SecureContextOptions = { minVersion: 'TLSv1.2', ...options }
  try {
    createSecureContext(all)
  } catch (error) {
    throw new ConfigError(`${what} cannot be used: ${(error as Error).message}`)
  }
  return all
}

/** The certificate of this store: one file with key and certificate, so that they cannot differ. Made anew before it expires. */
async function ownCertificate (directory: string): Promise<{ key: string, cert: string }> {
  const file = join(directory, 'self-signed.pem')
  const pem = await readFile(file, 'utf8').catch(() => '')
  if (isValid(pem)) return { key: pem, cert: pem }
  const made = await makeCertificate()
  try {
    await mkdir(directory, { recursive: true })
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
    return new Date(new X509Certificate(pem).validTo).getTime() > Date.now() + renewBefore
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
