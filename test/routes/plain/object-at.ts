import type { Cdmi } from '../../../cdmi/model.js'
import { objectIDRoot, parseAddress } from '../../../cdmi/address.js'
import { attributesOf } from '../../../cdmi/record.js'
import type { RecordAttributes } from '../../../schemas/record.js'

/** What the model knows of the object at a path. */
export async function attributesAt ({ cdmi }: { cdmi: Cdmi }, path: string): Promise<{ id: string, attributes: RecordAttributes }> {
  const address = parseAddress(path)
  if (address === objectIDRoot) throw new Error('no object')
  const { object } = await cdmi.dataObjects.read({ name: 'test', authentication: 'basic', access: 'read' }, address, () => [])
  return { id: object.record.id, attributes: attributesOf(object.record) }
}
