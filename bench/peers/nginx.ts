/** nginx with its DAV module: nothing is flushed before an answer. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, startChild } from '../child-server.js'
import { counts, plainJobs } from '../jobs.js'
import { versionOf } from '../machine.js'
import { type Peer, PeerMissing } from './contestant.js'
import { writeFiles } from './files.js'

/** As many processes as cores, which is Debian's way; no log of requests. Temporary files are where they can be renamed into their place. */
const configuration = (directory: string, port: number): string => `
daemon off;
pid ${directory}/pid;
error_log ${directory}/error.log;
worker_processes auto;
${process.getuid?.() === 0 ? 'user root root;' : ''}
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  client_max_body_size 0;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${directory}/temporary;`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    root ${directory}/files;
    autoindex on;
    dav_methods PUT;
    keepalive_requests 1000000000;
  }
}
`

export const nginx: Peer = {
  name: 'nginx DAV',
  streams: true,
  async start ({ directory }) {
    const version = versionOf('nginx', ['-v'])
    if (version === undefined) throw new PeerMissing('nginx is not installed: apt-get install nginx-light')
    const port = await freePort()
    const files = join(directory, 'files')
    await mkdir(files)
    await writeFiles(files)
    const file = join(directory, 'nginx.conf')
    await writeFile(file, configuration(directory, port))
    return {
      name: this.name,
      version,
      server: await startChild({ name: this.name, port, command: 'nginx', args: ['-e', 'stderr', '-c', file, '-p', directory] }),
      jobs: { ...plainJobs({ small: '/small/', large: '/large/' }), W7: { method: 'GET', path: '/list/', keys: 'none', answer: { names: counts.list } } },
      async fill () {}
    }
  }
}
