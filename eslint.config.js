import neostandard from 'neostandard'
import importX from 'eslint-plugin-import-x'

// Imports go one way (docs/architecture.md): bin → server → index → plugins → routes → cdmi → storage/contract ← drivers;
// schemas and metrics may be used by all and use none.
const zone = (target, from, message) => ({ target, from, message })
const rooms = {
  metrics: ['bin', 'server', 'server.ts', 'index.ts', 'plugins', 'routes', 'cdmi', 'storage', 'schemas'],
  schemas: ['bin', 'server', 'server.ts', 'index.ts', 'plugins', 'routes', 'cdmi', 'storage'],
  storage: ['bin', 'server', 'server.ts', 'index.ts', 'plugins', 'routes', 'cdmi'],
  cdmi: ['bin', 'server', 'server.ts', 'index.ts', 'plugins', 'routes', 'storage/embedded', 'storage/distributed', 'storage/open-store.ts'],
  routes: ['bin', 'server', 'server.ts', 'index.ts', 'plugins', 'storage/embedded', 'storage/distributed', 'storage/open-store.ts'],
  plugins: ['bin', 'server', 'server.ts', 'index.ts', 'storage/embedded', 'storage/distributed'],
  'index.ts': ['bin', 'server', 'server.ts'],
  server: ['bin', 'server.ts'],
  'server.ts': ['bin']
}

export default [
  ...neostandard({ ts: true, ignores: ['dist', 'build', 'node_modules', '.tap', 'data'] }),
  {
    files: ['**/*.ts'],
    plugins: { 'import-x': importX },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      // A TypeBox schema and the type of its values share one name; the compiler refuses real redeclarations.
      '@typescript-eslint/no-redeclare': 'off',
      // The compiler refuses them (tsconfig.json): to look once more takes as long as half of all other rules.
      '@typescript-eslint/no-unused-vars': 'off',
      'import-x/no-restricted-paths': ['error', {
        zones: Object.entries(rooms).flatMap(([target, others]) => others.map(from =>
          zone(`./${target}`, `./${from}`, `${target} must not import from ${from}: dependencies point one way (docs/architecture.md)`)))
      }],
      'no-restricted-imports': ['error', { patterns: [{ regex: '^typebox(/|$)', message: 'Import it from schemas/typebox: its many modules are loaded as one there.' }] }]
    }
  },
  { files: ['schemas/typebox.ts'], rules: { 'no-restricted-imports': 'off' } }
]
