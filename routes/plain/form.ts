/** A form upload, from its first byte to the commit that makes all its files visible at once (HCO-14, CLI-30 to CLI-32). */
import type { FastifyRequest } from 'fastify'
import type { Address, objectIDRoot } from '../../cdmi/address.js'
import type { FormUpload } from '../../cdmi/form-upload.js'
import type { CdmiObject } from '../../cdmi/record.js'
import { FormMetadata } from './form-metadata.js'
import { type FilePart, type FormLimits, formParts } from './form-parts.js'

const defaultLimits: FormLimits = { formFiles: 1000, formFields: 1000, formFieldSize: 64 * 1024 }

/**
 * Takes the form in; answers its objects in the order of its files. Whatever it throws, nothing was stored; the rest of the body is
 * then unread.
 */
export async function receiveForm (request: FastifyRequest, container: Address | typeof objectIDRoot): Promise<CdmiObject[]> {
  const { cdmi, cdmiOptions } = request.server
  const limits = { ...defaultLimits, ...cdmiOptions.limits }
  const metadata = cdmiOptions.formFields === 'metadata' ? new FormMetadata(limits.formFieldSize) : undefined
  const upload = await cdmi.beginForm(request.principal, container)
  try {
    for await (const part of formParts(request, limits)) {
      if (part.kind === 'file') await addFile(upload, part)
      else metadata?.add(part)
    }
    return await upload.commit(metadata?.metadata)
  } finally {
    upload.end()
  }
}

async function addFile (upload: FormUpload, { fileName, type, source }: FilePart): Promise<void> {
  const chunks = source[Symbol.asyncIterator]()
  if (fileName === '') {
    // What a browser sends for a file input that was left empty (HTML, "constructing the entry list"): no file.
    const first = await chunks.next()
    if (first.done === true) return
    await upload.add({ fileName: undefined, ...type, source: follow(first.value, chunks) })
    return
  }
  await upload.add({ fileName, ...type, source })
}

async function * follow (first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
