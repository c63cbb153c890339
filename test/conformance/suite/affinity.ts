/** AFF: where objects are stored. */
import { needing, type Case } from './case.js'
import { answers, fieldsIn, holds, listIn, same, textIn, type Fields } from './expect.js'
import type { Target } from './target.js'

/** The locations that data objects may name. */
async function locations (target: Target): Promise<readonly unknown[]> {
  await target.make('probe')
  return listIn(fieldsIn(await target.fields(textIn(await target.fields('probe'), 'capabilitiesURI')), 'capabilities'), 'cdmi_data_affinity')
}

async function metadataOf (target: Target, name: string): Promise<Fields> {
  return fieldsIn(await target.fields(name), 'metadata')
}

export const affinity: readonly Case[] = needing({ dataobject: ['cdmi_data_affinity'] }, [
  {
    id: 'AFF-01, AFF-02, AFF-03',
    text: 'An object may be kept at a location that is advertised, and says where it is.',
    async run (target) {
      const [first] = await locations(target)
      holds(typeof first === 'string', `the first location is ${JSON.stringify(first)}`)
      await target.make('o', { value: 'x', metadata: { cdmi_data_affinity: [first] } })
      const metadata = await metadataOf(target, 'o')
      same(metadata.cdmi_data_affinity, [first], 'cdmi_data_affinity')
      // There may be more copies elsewhere.
      const provided = metadata.cdmi_data_affinity_provided
      holds(Array.isArray(provided) && provided.includes(first), `cdmi_data_affinity_provided is ${JSON.stringify(provided)}, without ${JSON.stringify(first)}`)
    }
  },
  {
    id: 'AFF-02',
    text: 'Locations are inherited from the container, and overridden; an empty list leaves it to the server.',
    async run (target) {
      const [first] = await locations(target)
      await target.make('c/', { metadata: { cdmi_data_affinity: [first] } })
      await target.make('c/heir')
      await target.make('c/free', { metadata: { cdmi_data_affinity: [] } })
      same([(await metadataOf(target, 'c/heir')).cdmi_data_affinity, (await metadataOf(target, 'c/free')).cdmi_data_affinity], [[first], []], 'cdmi_data_affinity')
    }
  },
  {
    id: 'AFF-03',
    text: 'What an object says about where it is is the server\'s, not the client\'s.',
    async run (target) {
      const known = await locations(target)
      await target.make('o', { value: 'x', metadata: { cdmi_data_affinity_provided: ['nowhere'] } })
      const { cdmi_data_affinity_provided: provided } = await metadataOf(target, 'o')
      holds(provided === undefined || (Array.isArray(provided) && provided.every(place => known.includes(place))), `cdmi_data_affinity_provided is ${JSON.stringify(provided)}`)
    }
  },
  {
    id: 'AFF-02, AFF-03',
    text: 'A location that is unknown is kept as it was written and never claimed, or refused.',
    async run (target) {
      holds(!(await locations(target)).includes('nowhere'), 'there is a location called nowhere')
      if (answers(await target.put('o', { metadata: { cdmi_data_affinity: ['nowhere'] } }), [201, 400]).status === 400) return
      const metadata = await metadataOf(target, 'o')
      same(metadata.cdmi_data_affinity, ['nowhere'], 'cdmi_data_affinity')
      const provided = metadata.cdmi_data_affinity_provided ?? []
      holds(Array.isArray(provided) && !provided.includes('nowhere'), `cdmi_data_affinity_provided is ${JSON.stringify(provided)}`)
    }
  },
  {
    id: 'AFF-04',
    needs: { dataobject: ['cdmi_data_redundancy'] },
    text: 'Several locations show in cdmi_data_redundancy_provided.',
    async run (target) {
      const known = await locations(target)
      if (known.length < 2) return
      await target.make('o', { value: 'x', metadata: { cdmi_data_affinity: known.slice(0, 2) } })
      const copies = Number((await metadataOf(target, 'o')).cdmi_data_redundancy_provided)
      holds(copies >= 2, `cdmi_data_redundancy_provided is ${copies}`)
    }
  },
  {
    id: 'AFF-02',
    text: 'cdmi_data_affinity is an array of strings, and nothing else.',
    async run (target) {
      for (const value of ['text', [1], { a: '1' }]) answers(await target.put('o', { metadata: { cdmi_data_affinity: value } }), 400, JSON.stringify(value))
      await target.missing('o')
    }
  }
])
