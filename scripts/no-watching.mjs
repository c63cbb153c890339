// Loaded first into each process of a test (.taprc): the runner would have another thread look at every module, for coverage and for mocks, of which there
// is none here. That is more than half of what such a process needs to start.
import module, { syncBuiltinESMExports } from 'node:module'

module.register = () => {}
syncBuiltinESMExports()
// Wherever the processes work that it starts.
process.env.NODE_OPTIONS = `--import=${import.meta.url}`
