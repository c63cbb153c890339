/**
 * The plugin: a CDMI object store on the URIs below its prefix.
 *
 * ```ts
 * const store = await openStore({ directory: './data' })
 * await app.register(cdmi, { store, prefix: '/cdmi/2.0.0', users: [{ name: 'admin', password: 'secret' }] })
 * ```
 */
export { Cdmi } from './cdmi/model.js'
