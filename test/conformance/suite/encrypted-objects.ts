/** Encrypted objects: every server keeps them and gives them back as they are; some do more. */
import { createCipheriv, randomBytes } from 'node:crypto'
import { needing, without, type Case } from './case.js'
import { answers, fieldsIn, holds, refuses, same } from './expect.js'
import { base64 } from './target.js'

const jose = 'application/jose+json'
const cms = 'application/cms'
const secret = 'the plain text of a secret'

/** A JWE in JSON, encrypted with a key that nobody keeps. */
function jwe (): string {
  const encoded = Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', cty: 'text/plain' })).toString('base64url')
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', randomBytes(32), iv).setAAD(Buffer.from(encoded))
  const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()])
  return JSON.stringify({ protected: encoded, iv: iv.toString('base64url'), ciphertext: ciphertext.toString('base64url'), tag: cipher.getAuthTag().toString('base64url') })
}

const kept: readonly Case[] = [
  {
    id: 'HDO-24, HDO-09',
    text: 'Whoever accepts the type of an encrypted object gets it as it was stored.',
    async run (target) {
      const value = jwe()
      await target.store('o', value, jose)
      await target.store('p', Buffer.from([0x30, 0x80, 0, 0]), cms)
      for (const [name, type, bytes] of [['o', jose, Buffer.from(value)], ['p', cms, Buffer.from([0x30, 0x80, 0, 0])]] as const) {
        for (const accept of [type, `text/plain, ${type}`, `${type}, */*`]) {
          const answer = answers(await target.plain('GET', name, undefined, { accept }), 200, accept)
          same([answer.bytes.toString('hex'), answer.type], [bytes.toString('hex'), type], `value and type for ${accept}`)
        }
      }
    }
  },
  {
    id: 'DOC-11, DOC-42',
    text: 'CDMI makes an encrypted object of ciphertext, shows the ciphertext, its type and the ID of its key, and deletes it without the key.',
    async run (target) {
      const value = jwe()
      const bodies = [
        { mimetype: jose, value, metadata: { cdmi_enc_key_id: 'conformance-none' } },
        { mimetype: jose, value: base64(value), valuetransferencoding: 'base64', metadata: { cdmi_enc_key_id: 'conformance-none' } },
        { mimetype: cms, value: 'MIAAAA==', valuetransferencoding: 'base64', metadata: { cdmi_enc_key_id: 'conformance-none' } }
      ]
      for (const body of bodies) {
        await target.make('o', body)
        const fields = await target.fields('o')
        same([fields.mimetype, fields.value, fieldsIn(fields, 'metadata').cdmi_enc_key_id], [body.mimetype, body.value, 'conformance-none'], 'mimetype, value, cdmi_enc_key_id')
        answers(await target.delete('o'), 204)
      }
    }
  },
  {
    id: 'DOC-42',
    needs: { system: ['cdmi_valuetransferencoding_json'] },
    text: 'A JWE may be a json value.',
    async run (target) {
      const value: unknown = JSON.parse(jwe())
      await target.make('o', { mimetype: jose, value, valuetransferencoding: 'json' })
      const fields = await target.fields('o')
      same([fields.mimetype, fields.value], [jose, value], 'mimetype and value')
    }
  }
]

const withoutAccess: readonly Case[] = without({ system: ['cdmi_enc_access'] }, [
  {
    id: 'HDO-25, HDO-26',
    text: 'Without decryption on access the ciphertext comes, under its own type, or an error; never under another type.',
    async run (target) {
      const value = jwe()
      await target.store('o', value, jose)
      for (const accept of ['*/*', `*/*, ${jose}`]) {
        const answer = await target.plain('GET', 'o', undefined, { accept })
        if (answer.status !== 200) refuses(answer, accept)
        else same([answer.text, answer.type], [value, jose], `value and type for ${accept}`)
      }
      same(answers(await target.plain('GET', 'o', undefined, { accept: `*/*, ${jose}` }), 200).text, value, 'the value where both are accepted')
    }
  },
  {
    id: 'HDO-27',
    text: 'Without decryption on access nobody gets ciphertext that is called plain text.',
    async run (target) {
      await target.store('o', jwe(), jose)
      const answer = await target.plain('GET', 'o', undefined, { accept: 'text/plain' })
      if (answer.status === 200) same(answer.type, jose, 'Content-Type')
      else refuses(answer)
    }
  }
])

const access = needing({ system: ['cdmi_enc_access', 'cdmi_enc_jwe'] }, [
  {
    id: 'HDO-25, HDO-27',
    text: 'Plain text that cannot be decrypted is an error.',
    async run (target) {
      await target.store('o', jwe(), jose)
      for (const accept of ['*/*', 'text/plain', 'image/x']) {
        const { status, text } = await target.plain('GET', 'o', undefined, { accept })
        holds(status >= 400, `for ${accept} the answer is ${status}`)
        holds(!text.includes('ciphertext'), `for ${accept} the ciphertext came`)
      }
    }
  },
  {
    id: 'HDO-26',
    text: 'Where anything is wanted rather than ciphertext, but that is accepted, it comes when nothing can be decrypted.',
    async run (target) {
      const value = jwe()
      await target.store('o', value, jose)
      const answer = answers(await target.plain('GET', 'o', undefined, { accept: `*/*, ${jose}` }), 200)
      same([answer.text, answer.type], [value, jose], 'value and type')
    }
  }
])

const inPlace: readonly Case[] = [
  {
    id: 'DOC-71, CAP-10',
    lacks: { system: ['cdmi_enc_inplace'] },
    text: 'Without encryption in place a new type alone neither encrypts nor decrypts, and does not say that it has; with a new value it is as any type.',
    async run (target) {
      const value = jwe()
      await target.make('o', { value: secret, metadata: { a: '1' } })
      await target.make('p', { value, mimetype: jose })
      for (const mimetype of [cms, jose]) answers(await target.patch('o', { mimetype, metadata: { cdmi_enc_key_id: 'conformance-none' } }), 400, mimetype)
      for (const mimetype of [cms, 'text/plain']) answers(await target.patch('p', { mimetype }), 400, mimetype)
      const [o, p] = [await target.fields('o'), await target.fields('p')]
      same([o.mimetype, o.value, fieldsIn(o, 'metadata').a, p.mimetype, p.value], ['text/plain', secret, '1', jose, value], 'types, values, metadata')
      await target.change('o', { value, mimetype: jose })
      await target.change('p', { value: secret, mimetype: 'text/plain' })
      same([(await target.fields('o')).mimetype, (await target.fields('p')).mimetype], [jose, 'text/plain'], 'types with new values')
    }
  }
]

export const encryptedObjects: readonly Case[] = [...kept, ...withoutAccess, ...access, ...inPlace]
