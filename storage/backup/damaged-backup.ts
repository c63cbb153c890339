/** What a backup has lost: found by its own checksums, and named. */
import { StorageError } from '../contract.js'

export class DamagedBackup extends StorageError {
  constructor (message: string, options?: ErrorOptions) {
    super('corrupt', message, options)
  }
}
