// Loaded first into each process of a test (.taprc): the runner would watch more than is looked at here, and for that have each start and each promise cost more.
import asyncHooks from 'node:async_hooks'
import module, { syncBuiltinESMExports } from 'node:module'

// Another thread that looks at every module, for coverage and for mocks, of which there is none here: more than half of what such a process needs to start.
module.register = () => {}
// Which test an error belongs to that nobody has caught: to know it exactly, the runner has every promise reported to it, when it is made and when it is
// gone, which makes what is asynchronous a fifth slower and more. Without, such an error belongs to the test that was begun last.
const unheard = { enable: () => unheard, disable: () => unheard }
asyncHooks.createHook = () => unheard
asyncHooks.executionAsyncId = () => 1
syncBuiltinESMExports()
// Wherever the processes work that it starts.
process.env.NODE_OPTIONS = `--import=${import.meta.url}`
