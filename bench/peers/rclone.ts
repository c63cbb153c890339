/** `rclone serve webdav` over a directory: nothing is flushed before an answer. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, startChild } from '../child-server.js'
import { counts, plainJobs } from '../jobs.js'
import { versionOf } from '../machine.js'
import { type Peer, PeerMissing } from './contestant.js'
import { writeFiles } from './files.js'

export const rclone: Peer = {
  name: 'rclone webdav',
  streams: true,
  async start ({ directory }) {
    const version = versionOf('rclone', ['version'])
    if (version === undefined) throw new PeerMissing('rclone is not installed: apt-get install rclone')
    const port = await freePort()
    const files = join(directory, 'files')
    await mkdir(files)
    await writeFiles(files)
    return {
      name: this.name,
      version,
      // Under load it complains about itself, line after line.
      server: await startChild({ name: this.name, port, silent: true, command: 'rclone', args: ['serve', 'webdav', files, '--addr', `127.0.0.1:${port}`, '--config', join(directory, 'none.conf'), '--log-level', 'ERROR'] }),
      jobs: { ...plainJobs({ small: '/small/', large: '/large/' }), W7: { method: 'PROPFIND', path: '/list/', keys: 'none', headers: { depth: '1' }, answer: { names: counts.list } } },
      async fill () {}
    }
  }
}
