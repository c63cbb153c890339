import t from 'tap'
import { nameOfDatabase, parseDatabaseUrl } from '../../storage/distributed/database-url.js'
import { DatabaseServers } from '../../storage/distributed/database-servers.js'
import { readDatabaseUrl } from '../../storage/distributed/names.js'

t.test('a URL of several servers becomes one for each, in order; what is for the store is taken out', async t => {
  const read = (text: string): readonly string[] => readDatabaseUrl(text).urls
  t.same(read('postgres://u:p@h/d'), ['postgres://u:p@h/d'])
  t.same(read('postgresql://h'), ['postgresql://h'])
  t.same(read('postgres:///d'), ['postgres:///d'], 'the variables of PostgreSQL may name the server')
  t.same(read('postgres://u:p@a:5432,b:5433/d?schema=s&sslmode=verify-full&target_session_attrs=read-write'), ['postgres://u:p@a:5432/d?sslmode=verify-full', 'postgres://u:p@b:5433/d?sslmode=verify-full'])
  t.same(read('postgres://a,b,c/d?target_session_attrs=primary'), ['postgres://a/d', 'postgres://b/d', 'postgres://c/d'])
  t.same(read('postgres://u@[::1]:1,[::2],10.0.0.1:3/d'), ['postgres://u@[::1]:1/d', 'postgres://u@[::2]/d', 'postgres://u@10.0.0.1:3/d'])
  t.same(read('postgres://u:a,b%40c@a,b/d'), ['postgres://u:a,b%40c@a/d', 'postgres://u:a,b%40c@b/d'], 'commas of a password are his')
  t.equal(readDatabaseUrl('postgres://a,b/d?schema=s').schema, 's')
})

t.test('what is no such URL is refused, with no word of it', async t => {
  for (const [text, message] of [
    ['postgres://u:secret@a:1,/d', /must be a URL like/], ['postgres://u:secret@,b/d', /must be a URL like/], ['postgres://u:secret@a:x,b/d', /must be a URL like/], ['postgres:a,b', /must be a URL like/],
    ['postgres://u:secret@a,b/d?target_session_attrs=any', /leave it out, or say primary or read-write$/], ['postgres://u:secret@a/d?target_session_attrs=standby', /target_session_attrs/],
    ['postgres:///d?password=secret&host=a,b', /name several servers like/], ['postgres:///d?password=secret&host=a&port=1,2', /name several servers like/]
  ] as const) {
    t.throws(() => readDatabaseUrl(text), { name: 'OptionError', message }, text)
    try {
      readDatabaseUrl(text)
    } catch (error) {
      t.notMatch(String(error), 'secret')
    }
  }
})

t.test('the name of a database has all servers, and no user', async t => {
  const url = parseDatabaseUrl('postgres://u:secret@a:5432,b:5433/d?schema=s&password=secret')
  if (url === undefined) throw new Error('it is one')
  t.equal(nameOfDatabase(url), 'postgres://a:5432,b:5433/d?schema=s')
})

t.test('servers are taken in turn; of many who leave the same one, one makes all of them turn to the next', async t => {
  const servers = new DatabaseServers(['a', 'b', 'c'])
  t.equal(servers.count, 3)
  for (let n = 0; n < 5; n++) servers.leave('a')
  t.equal(servers.current, 'b')
  servers.leave('b')
  servers.leave('c')
  t.equal(servers.current, 'a')
})
