/** Snapshots and exports of containers: where they are not offered nothing of them is ever to be seen. */
import { needing, without, type Case } from './case.js'
import { answers, fieldsIn, hasNot, holds, isFields, listIn, same } from './expect.js'
import type { Target } from './target.js'

/** A container `c/` with a child. */
async function container (target: Target): Promise<void> {
  await target.make('c/', { metadata: { a: '1' } })
  await target.make('c/o', { value: 'old' })
}

async function untouched (target: Target): Promise<void> {
  const fields = await target.fields('c/')
  same([fields.children, fieldsIn(fields, 'metadata').a], [['o'], '1'], 'children and metadata')
  hasNot(fields, 'snapshots', 'exports')
}

const withoutSnapshots: readonly Case[] = without({ container: ['cdmi_snapshot'] }, [
  {
    id: 'COC-63, COC-64',
    text: 'Without snapshots none is taken, nor is anything else done that the same request asks for.',
    async run (target) {
      await container(target)
      for (const name of ['c/', 'c/?snapshot', `/cdmi_objectid/${await target.objectID('c/')}/`]) answers(await target.patch(name, { snapshot: 's', metadata: { a: '2' } }), 400, name)
      await target.missing('c/cdmi_snapshots/')
      await untouched(target)
    }
  },
  {
    id: 'COC-49, CMV-29',
    text: 'Without snapshots a container and its copy have none, and a client cannot say that they have.',
    async run (target) {
      await container(target)
      answers(await target.patch('c/', { snapshots: [target.at('c/o')] }), [204, 400])
      answers(await target.put('d/', { copy: target.at('c/'), snapshot: 's' }), 400)
      await untouched(target)
      same((await target.fields('')).children, ['c/'], 'children')
    }
  }
])

const snapshots = needing({ system: ['cdmi_snapshots'], container: ['cdmi_snapshot'] }, [
  {
    id: 'COC-63, COC-64, COC-49',
    text: 'A snapshot has what the container had when it was taken, is listed, and is taken anew under the same name.',
    async run (target) {
      await container(target)
      for (const value of ['old', 'new']) {
        await target.change('c/o', { value })
        answers(await target.patch('c/', { snapshot: 's' }), [201, 202, 204])
        const listed = listIn(await target.fields('c/'), 'snapshots')
        holds(listed.length === 1 && String(listed[0]).endsWith('cdmi_snapshots/s/'), `snapshots are ${JSON.stringify(listed)}`)
        same(await target.value('c/cdmi_snapshots/s/o'), value, 'the value in the snapshot')
      }
      await target.change('c/o', { value: 'newer' })
      same(await target.value('c/cdmi_snapshots/s/o'), 'new', 'the value in the snapshot after a change')
      for (const snapshot of ['', 'a/b', 'a?b', 7]) answers(await target.patch('c/', { snapshot }), 400, String(snapshot))
    }
  },
  {
    id: 'CMV-29',
    needs: { system: ['cdmi_object_copy_from_local'], container: ['cdmi_copy_container'] },
    text: 'A copy of a container leaves its snapshots out.',
    async run (target) {
      await container(target)
      answers(await target.patch('c/', { snapshot: 's' }), [201, 202, 204])
      await target.make('d/', { copy: target.at('c/') })
      const fields = await target.fields('d/')
      same(fields.children, ['o'], 'children of the copy')
      hasNot(fields, 'snapshots')
    }
  }
])

const everybody = [['*', '<-->', '*']]

/** Protocols by the name in their capabilities, each in the form of CDMI 2.0 and, where there was one, of 1.x. */
const protocols: ReadonlyArray<{ readonly name: string, readonly exports: readonly object[] }> = [
  { name: 'nfs', exports: [{ share: { type: 'NFS', protocol: 'NFSv4', path: '/conformance', usermap: everybody, groupmap: everybody } }, { 'Network/NFSv4': { identifier: '/conformance', permissions: 'domain' } }] },
  { name: 'smb', exports: [{ share: { type: 'SMB', sharename: 'conformance', usermap: everybody, groupmap: everybody } }] },
  { name: 'iscsi', exports: [{ share: { type: 'iSCSI' } }] },
  { name: 'occi', exports: [{ 'OCCI/iSCSI': { identifier: '00007ED90010D891022876A8DE0BC0FD', permissions: ['https://example.com/compute/0/'] } }] },
  { name: 'webdav', exports: [{ share: { type: 'WebDAV', usermap: everybody, groupmap: everybody } }] },
  { name: 's3', exports: [{ share: { type: 's3', bucketname: 'conformance-bucket' } }] }
]

const exported: readonly Case[] = protocols.flatMap(({ name, exports: given }): Case[] => {
  const capabilities = { container: [`cdmi_export_container_${name}`] }
  return [
    {
      id: 'COC-25, COC-49',
      lacks: capabilities,
      text: `Without exports by ${name} no container is made with one.`,
      async run (target) {
        for (const exports of given) answers(await target.put('c/', { exports }), 400, JSON.stringify(exports))
        same((await target.fields('')).children, [], 'children')
      }
    },
    {
      id: 'COC-68, COC-49',
      lacks: capabilities,
      text: `Without exports by ${name} no container gets one, nor is anything else done that the same request asks for.`,
      async run (target) {
        await container(target)
        for (const exports of given) for (const query of ['', '?exports']) answers(await target.patch(`c/${query}`, { exports, metadata: { a: '2' } }), 400, JSON.stringify(exports))
        await untouched(target)
      }
    },
    {
      id: 'COC-25, COC-68, COC-49',
      needs: capabilities,
      text: `An export by ${name} is made, shown, and taken away with an empty object.`,
      async run (target) {
        const [exports] = given
        await target.make('c/', { exports })
        holds(Object.keys(fieldsIn(await target.fields('c/'), 'exports')).length === 1, 'the export is not shown')
        answers(await target.patch('c/?exports', { exports: {} }), 204)
        same((await target.fields('c/')).exports ?? {}, {}, 'exports')
      }
    }
  ]
})

const common: readonly Case[] = [
  {
    id: 'COC-25, COC-68',
    text: 'An export of no protocol at all is refused; no exports are nothing to refuse.',
    async run (target) {
      for (const exports of [{ share: { type: 'no such protocol' } }, { share: 'text' }, { share: {} }]) answers(await target.put('c/', { exports }), 400, JSON.stringify(exports))
      await target.missing('c/')
      await target.make('c/', { exports: {} })
      answers(await target.patch('c/', { exports: {} }), 204)
    }
  },
  {
    id: 'SER-11',
    lacks: { container: ['cdmi_export_container_iscsi'] },
    needs: { system: ['cdmi_serialization_json'], container: ['cdmi_serialize_container'] },
    text: 'Without block devices the serialization of a container has its objects and nothing else.',
    async run (target) {
      await container(target)
      const fields = await target.fields('c/')
      await target.make('s', { serialize: target.at('c/') })
      const written: unknown = JSON.parse(await target.value('s'))
      holds(isFields(written), 'the serialization is no JSON object')
      same(Object.keys(written).sort(), Object.keys(fields).filter(name => name in written).sort(), 'the fields')
      hasNot(written, 'exports')
      same(listIn(written, 'children').map(child => isFields(child) && child.objectName), ['o'], 'names of the children')
    }
  }
]

export const snapshotsExports: readonly Case[] = [...withoutSnapshots, ...snapshots, ...exported, ...common]
