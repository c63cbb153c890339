/** COR: requests from pages of other origins. */
import { needing, type Case } from './case.js'
import { answers, hasNot, holds, matches, same } from './expect.js'
import type { Answer } from './answer.js'
import type { Target } from './target.js'

const origin = 'https://app.example'
const rules = { cdmi_cors_methods: ['GET', 'PUT'], cdmi_cors_origins: [origin, 'https://other.example'], cdmi_cors_headers: ['X-Own', 'Content-Type'] }

/** Asks as a browser does: without credentials. */
async function preflight (target: Target, name: string, method: string, from = origin, headers = 'x-own, x-foreign'): Promise<Answer> {
  return await target.withCredentials().plain('OPTIONS', name, undefined, { origin: from, 'access-control-request-method': method, 'access-control-request-headers': headers })
}

const listed = (header: string): string[] => header.toLowerCase().split(/\s*,\s*/)

function nothing (answer: Answer): void {
  hasNot(answer.headers, 'access-control-allow-origin', 'access-control-allow-methods', 'access-control-allow-headers')
}

export const cors: readonly Case[] = needing({ system: ['cdmi_cors'], dataobject: ['cdmi_cors_methods', 'cdmi_cors_origins', 'cdmi_cors_headers'] }, [
  {
    id: 'COR-01, COR-02, COR-03, COR-08',
    text: 'A request from an origin that the metadata of the object allows is answered with this origin.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: rules })
      const answer = answers(await target.plain('GET', 'o', undefined, { origin }), 200)
      same(answer.header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin')
      holds(listed(answer.header('vary')).includes('origin'), `Vary is ${answer.header('vary')}`)
      nothing(answers(await target.plain('GET', 'o'), 200))
    }
  },
  {
    id: 'COR-03',
    text: 'Where every origin is allowed the answer is that origin or *.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: { ...rules, cdmi_cors_origins: ['*'] } })
      matches(answers(await target.plain('GET', 'o', undefined, { origin: 'https://any.example' }), 200).header('access-control-allow-origin'), /^(\*|https:\/\/any\.example)$/, 'Access-Control-Allow-Origin')
    }
  },
  {
    id: 'COR-01, GEN-36',
    text: 'The rules are inherited from the container, and overridden.',
    async run (target) {
      await target.make('c/', { metadata: rules })
      await target.make('c/heir', { value: 'x' })
      await target.make('c/own', { value: 'x', metadata: { ...rules, cdmi_cors_origins: ['https://third.example'] } })
      same((await target.plain('GET', 'c/heir', undefined, { origin })).header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin')
      nothing(answers(await target.plain('GET', 'c/own', undefined, { origin }), 200))
    }
  },
  {
    id: 'COR-04, COR-08, CLI-25',
    text: 'A preflight is answered without credentials: the origin, the methods, and the headers that both sides name.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: rules })
      const answer = answers(await preflight(target, 'o', 'PUT'), [200, 204])
      same(answer.header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin')
      holds(listed(answer.header('access-control-allow-methods')).includes('put'), `Access-Control-Allow-Methods is ${answer.header('access-control-allow-methods')}`)
      same(listed(answer.header('access-control-allow-headers')), ['x-own'], 'Access-Control-Allow-Headers')
      matches(answer.header('access-control-max-age'), /^[1-9]\d*$/, 'Access-Control-Max-Age')
    }
  },
  {
    id: 'COR-06',
    text: 'Another origin or method gets no CORS header, and an answer as ever.',
    async run (target) {
      await target.make('o', { value: 'x', metadata: rules })
      const foreign = 'https://foreign.example'
      same(answers(await target.plain('GET', 'o', undefined, { origin }), 200).header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin of an origin that is allowed')
      nothing(answers(await target.plain('GET', 'o', undefined, { origin: foreign }), 200))
      nothing(answers(await target.plain('PATCH', 'o', 'y', { origin }), 204))
      nothing(await preflight(target, 'o', 'PUT', foreign))
      nothing(await preflight(target, 'o', 'DELETE'))
    }
  },
  {
    id: 'COR-05',
    text: 'Without a list of headers there is no header about headers; without rules there is none at all.',
    async run (target) {
      const { cdmi_cors_headers: _headers, ...without } = rules
      await target.make('o', { value: 'x', metadata: without })
      const answer = answers(await preflight(target, 'o', 'PUT'), [200, 204])
      same(answer.header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin')
      hasNot(answer.headers, 'access-control-allow-headers')
      await target.make('p', { value: 'x' })
      nothing(await target.plain('GET', 'p', undefined, { origin }))
    }
  },
  {
    id: 'COR-07',
    text: 'What does not exist yet is asked about by the rules that it would inherit, and is then made from there.',
    async run (target) {
      await target.make('c/', { metadata: rules })
      same(answers(await preflight(target, 'c/new', 'PUT'), [200, 204]).header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin')
      same(answers(await target.plain('PUT', 'c/new', 'x', { origin }), 201).header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin')
      same(answers(await target.put('c/typed', { value: 'x' }, { origin }), 201).header('access-control-allow-origin'), origin, 'Access-Control-Allow-Origin')
    }
  }
])
