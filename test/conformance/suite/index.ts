/** All cases, in the order of the checklists. */
import { accessControl } from './access-control.js'
import { affinity } from './affinity.js'
import { capabilitiesSelection } from './capabilities-selection.js'
import { capabilities } from './capabilities.js'
import type { Case } from './case.js'
import { containers } from './containers.js'
import { copyMove } from './copy-move.js'
import { cors } from './cors.js'
import { dataObjectsCreate } from './data-objects-create.js'
import { dataObjectsDelete } from './data-objects-delete.js'
import { dataObjectsRead } from './data-objects-read.js'
import { dataObjectsUpdate } from './data-objects-update.js'
import { dataSystemMetadata } from './data-system-metadata.js'
import { delayed } from './delayed.js'
import { domains } from './domains.js'
import { encryptedObjects } from './encrypted-objects.js'
import { extendedListing } from './extended-listing.js'
import { general } from './general.js'
import { httpContainers } from './http-containers.js'
import { httpDataObjects } from './http-data-objects.js'
import { identifiers } from './identifiers.js'
import { operations } from './operations.js'
import { partialUpload } from './partial-upload.js'
import { queues } from './queues.js'
import { references } from './references.js'
import { serialization } from './serialization.js'
import { snapshotsExports } from './snapshots-exports.js'
import { version1 } from './version-1.js'

export const suite: readonly Case[] = [
  ...general, ...identifiers, ...httpDataObjects, ...httpContainers,
  ...dataObjectsCreate, ...dataObjectsRead, ...dataObjectsUpdate, ...dataObjectsDelete,
  ...containers, ...capabilities, ...operations, ...copyMove, ...references, ...serialization, ...delayed,
  ...partialUpload, ...extendedListing, ...capabilitiesSelection, ...affinity, ...cors, ...version1,
  ...queues, ...domains, ...snapshotsExports, ...accessControl, ...encryptedObjects, ...dataSystemMetadata
]
