/** Object IDs (GEN-27 to GEN-31). Their layout lives beside the storage contract, for the store makes the root's ID itself. */
export { derivedObjectID, hiddenID, isObjectID, mintObjectID } from '../storage/object-id.js'
