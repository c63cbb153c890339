import { createRequire } from 'node:module'

/** Version of the package; its description lies above the compiled code. */
export const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
