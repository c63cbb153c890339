/** A bare Fastify: what the framework costs when nothing is done. */
import fastify from 'fastify'

const app = fastify()
const answer = { name: 'benchmark', text: 'x'.repeat(70) }
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
app.get('/*', () => answer)
app.post('/*', () => answer)
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
