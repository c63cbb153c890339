/** A gateway in a process of its own, to be killed: `node gateway-server.js <options of the store, as JSON>`. */
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { openGateway } from './gateway.js'

const gateway = await openGateway(JSON.parse(process.argv[2] ?? '') as DistributedStoreOptions, fault => { process.send?.({ fault }) })
process.send?.({ origin: gateway.origin })
process.once('disconnect', () => { gateway.close().catch(() => { process.exitCode = 1 }) })
