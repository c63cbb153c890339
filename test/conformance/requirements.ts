/**
 * What is promised, line by line, in short. Each line is checked by tests whose names begin with its ID, or says
 * which later step it waits for. `npm run conformance` makes docs/conformance.md from this and from the tests.
 */
export interface Requirement {
  readonly id: string
  readonly text: string
  /** Why no test names it yet. */
  readonly later?: string
}

const typed = 'CDMI-typed requests'
const references = 'references'
const encryption = 'encrypted objects'

export const requirements: readonly Requirement[] = [
  { id: 'GEN-01', text: 'Nothing is advertised that does not work', later: 'capability objects' },
  { id: 'GEN-02', text: 'Mandatory, conditional and optional fields', later: typed },
  { id: 'GEN-03', text: 'Five CDMI media types', later: typed },
  { id: 'GEN-04', text: 'Containers nest; one model for containers and data objects' },
  { id: 'GEN-05', text: 'HTTP/1.1: HEAD, chunked bodies, 100-continue, Date, 405 with Allow, validators' },
  { id: 'GEN-06', text: 'A CDMI media type selects CDMI, anything else is plain HTTP on the same URI' },
  { id: 'GEN-07', text: 'CDMI media types with +json', later: typed },
  { id: 'GEN-08', text: 'CDMI bodies are JSON in UTF-8', later: typed },
  { id: 'GEN-09', text: 'Accept is optional; without one a data object answers with its value' },
  { id: 'GEN-10', text: 'A CDMI type that the resource is not → 406' },
  { id: 'GEN-11', text: 'Missing or foreign CDMI Content-Type → 400' },
  { id: 'GEN-12', text: 'Every answer with a body has a Content-Type' },
  { id: 'GEN-13', text: 'The common status codes' },
  { id: 'GEN-14', text: 'Range requests: 206, 416, invalid ones ignored' },
  { id: 'GEN-15', text: 'Range fields in JSON', later: typed },
  { id: 'GEN-16', text: 'Ranges in CDMI queries', later: typed },
  { id: 'GEN-17', text: 'Percent-escapes in names' },
  { id: 'GEN-18', text: 'Names and values unescaped in JSON' },
  { id: 'GEN-19', text: 'Root URI, by convention /cdmi/2.0.0/' },
  { id: 'GEN-20', text: 'URI-valued fields are relative to the root URI' },
  { id: 'GEN-21', text: 'parentURI of the root container', later: typed },
  { id: 'GEN-22', text: 'No / and no ? in names' },
  { id: 'GEN-23', text: 'Objects by path and by ID are one object' },
  { id: 'GEN-24', text: 'Containers and their children by ID' },
  { id: 'GEN-25', text: 'Objects without a path, made by POST to /cdmi_objectid/' },
  { id: 'GEN-26', text: 'Field selection in the query', later: typed },
  { id: 'GEN-27', text: 'Object IDs are globally unique and constant' },
  { id: 'GEN-28', text: 'Binary layout of object IDs' },
  { id: 'GEN-29', text: 'Checksum of object IDs' },
  { id: 'GEN-30', text: 'Base16, case-insensitive' },
  { id: 'GEN-31', text: 'IDs are validated before look-up' },
  { id: 'GEN-32', text: 'Instants with six fraction digits' },
  { id: 'GEN-33', text: 'Intervals', later: 'retention' },
  { id: 'GEN-34', text: 'User metadata: any JSON under names not beginning with cdmi_' },
  { id: 'GEN-35', text: 'Storage system metadata', later: typed },
  { id: 'GEN-36', text: 'Inherited data system metadata', later: 'data system metadata' },
  { id: 'GEN-37', text: 'TLS and clear HTTP' },
  { id: 'GEN-38', text: 'Ports 443 and 80 (recommended)', later: 'left to the operator: --port' },
  { id: 'GEN-39', text: 'Each request authenticates on its own; 401 with a challenge' },
  { id: 'GEN-40', text: 'Basic authentication, one scheme in a 401' },
  { id: 'GEN-41', text: 'Principals mapped by domains', later: 'domains' },
  { id: 'GEN-42', text: 'Transport security; security capabilities', later: 'capability objects' },
  { id: 'GEN-43', text: 'No version header in answers to requests without one' },
  { id: 'GEN-44', text: 'The version header never makes a 5xx' },
  { id: 'GEN-45', text: 'json values for 1.x clients', later: typed },
  ...[46, 47, 48, 49, 50, 51, 52].map(n => ({ id: `GEN-${n}`, text: 'References', later: references })),
  { id: 'HDO-01', text: 'PUT: the body becomes the value, 201' },
  { id: 'HDO-02', text: 'Missing parent → 404' },
  { id: 'HDO-03', text: 'Content-Type becomes mimetype; default application/octet-stream' },
  { id: 'HDO-04', text: 'charset=utf-8 → valuetransferencoding utf-8, else base64' },
  { id: 'HDO-05', text: 'The new object is readable by its ID' },
  { id: 'HDO-06', text: 'X-CDMI-Partial on create → Processing' },
  { id: 'HDO-07', text: 'Content-Range on create; zeros before it' },
  { id: 'HDO-08', text: 'Status codes of create' },
  { id: 'HDO-09', text: 'CMS and JOSE bodies stored as they are' },
  { id: 'HDO-10', text: 'No trailing slash: a data object; trailing slash: a container' },
  { id: 'HDO-20', text: 'GET: value, mimetype, exact length' },
  { id: 'HDO-21', text: 'Range → 206' },
  { id: 'HDO-22', text: 'Gaps read as zeros' },
  { id: 'HDO-23', text: 'Reference → 302', later: references },
  ...[24, 25, 26, 27].map(n => ({ id: `HDO-${n}`, text: 'Encrypted objects', later: encryption })),
  { id: 'HDO-28', text: 'Status codes of read' },
  { id: 'HDO-40', text: 'PATCH replaces the whole value, ID and metadata stay' },
  { id: 'HDO-41', text: 'PATCH with Content-Range' },
  { id: 'HDO-42', text: 'Type and encoding after PATCH' },
  { id: 'HDO-43', text: 'X-CDMI-Partial on update' },
  { id: 'HDO-44', text: 'PATCH never creates' },
  { id: 'HDO-45', text: 'Status codes of update' },
  { id: 'HDO-60', text: 'DELETE: gone from both namespaces and from the parent' },
  { id: 'HDO-61', text: 'DELETE of what is missing → 404' },
  { id: 'HCO-01', text: 'PUT with slash makes a container' },
  { id: 'HCO-02', text: 'Container without slash → 301, nothing changed' },
  { id: 'HCO-03', text: 'GET of a container lists it' },
  { id: 'HCO-04', text: 'DELETE of a container removes all below' },
  { id: 'HCO-10', text: 'POST makes a child with a server-made name; Location' },
  { id: 'HCO-11', text: 'That name is the object ID' },
  { id: 'HCO-12', text: 'Content-Type of a POST' },
  { id: 'HCO-13', text: 'X-CDMI-Partial on POST' },
  { id: 'HCO-14', text: 'multipart/form-data upload' },
  { id: 'HCO-15', text: 'POST to /cdmi_objectid/' },
  { id: 'HCO-16', text: 'Content-Range on POST' },
  { id: 'HCO-17', text: 'POST to a missing container → 404' },
  ...([
    'GET /data lists the keys', 'GET /data/{key}', 'POST creates, 201', 'POST of invalid JSON → 400', 'POST of an existing key → 406, atomic',
    'PUT replaces', 'PATCH merges', 'DELETE → 204', 'What a body may be', 'What a key may be'
  ]).map((text, index) => ({ id: `KEY-${String(index + 1).padStart(2, '0')}`, text })),
  ...([
    'Socket requests', 'Socket answers', 'id and acknowledgement', '401 keeps the socket open', 'Bad frames are answered', 'The example of the original'
  ]).map((text, index) => ({ id: `KEY-${index + 20}`, text })),
  ...([
    'Containers by bare PUT', 'Chunked bodies without type', 'Validators and ranges', 'Resumed uploads', 'Listings that tools can walk', 'CORS preflight without credentials', 'Stored HTML is sandboxed'
  ]).map((text, index) => ({ id: `CLI-${index + 20}`, text })),
  { id: 'CLI-30', text: 'File names of forms' },
  { id: 'CLI-31', text: 'Several files, equal names, text fields' },
  { id: 'CLI-32', text: 'Location is fetchable; broken forms store nothing' },
  { id: 'CLI-40', text: 'socket.io clients of v2, v3 and v4, all transports' },
  { id: 'CLI-41', text: 'statusText is the HTTP reason phrase' }
]
