import t from 'tap'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { driverSuite } from './driver-suite.js'

driverSuite(t, { name: 'memory', durable: false, place: async () => async options => openMemoryStore(options) })
