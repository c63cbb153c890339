import t from 'tap'
import fc from 'fast-check'
import { parsePartial } from '../../../routes/http/partial-header.js'

t.test('PUP: what X-CDMI-Partial can say', async t => {
  t.equal(parsePartial(undefined), undefined)
  t.same(parsePartial('true'), { more: true })
  t.same(parsePartial(' False '), { more: false })
  t.same(parsePartial('upload-id=a'), { uploadID: 'a', condition: undefined, replace: undefined })
  t.same(parsePartial('upload-id=a b=c; count=3'), { uploadID: 'a b=c', condition: { count: 3 }, replace: undefined })
  for (const range of ['0-36', 'bytes 0-36/37', 'bytes=0-36']) t.same(parsePartial(`Upload-ID=a;range=${range};replace=false`), { uploadID: 'a', condition: { range: { offset: 0, length: 37 } }, replace: false })
  t.same(parsePartial('upload-id=a;replace=true ; count=1'), { uploadID: 'a', condition: { count: 1 }, replace: true })
})

t.test('PUP-16: everything else is refused with 400', async t => {
  const wrong = ['', 'yes', 'true, true', 'true;count=1', 'true; false', 'upload-id', 'upload-id=', 'count=2', 'count=2;upload-id=a', 'upload-id=a;', 'upload-id=a;count', 'upload-id=a;count=0', 'upload-id=a;count=-1',
    'upload-id=a;count=1.5', 'upload-id=a;count=1e3', 'upload-id=a;count=99999999999999999999', 'upload-id=a;count=1;count=1', 'upload-id=a;count=1;range=0-1', 'upload-id=a;range=', 'upload-id=a;range=5-1', 'upload-id=a;range=a-b',
    'upload-id=a;replace=', 'upload-id=a;replace=TRUE', 'upload-id=a;replace=true;replace=true', 'upload-id=a;upload-id=b', 'upload-id=a;colour=red', `upload-id=${'x'.repeat(1025)}`]
  for (const header of wrong) t.equal(refusal(header), 400, header.slice(0, 60))
  fc.assert(fc.property(fc.string(), text => [undefined, 400].includes(refusal(text))))
})

/** The status that a header is refused with; undefined: it is taken. */
function refusal (header: string): number | undefined {
  try {
    parsePartial(header)
    return undefined
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') return error.statusCode
    throw error
  }
}
