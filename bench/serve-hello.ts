/** `serve-hello.js fastify|node PORT [PROCESSES]`: a bare Fastify, or Node's own server, that answers every request with 100 bytes of JSON and stores nothing. */
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { helloAnswer, helloApp } from './hello.js'

const [kind, port, processes = '1'] = process.argv.slice(2)
if (cluster.isPrimary && processes !== '1') {
  for (let number = 0; number < Number(processes); number++) cluster.fork()
} else if (kind === 'fastify') {
  await helloApp().listen({ port: Number(port), host: '127.0.0.1' })
} else {
  const server = createServer((request, response) => {
    // Whatever comes is read, as the other one does.
    request.on('data', () => {}).on('end', () => {
      const body = JSON.stringify(helloAnswer)
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length }).end(body)
    })
  })
  server.listen(Number(port), '127.0.0.1')
}
