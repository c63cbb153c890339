/** The page that a person gets in a browser for an error, and the question whether it is a person who asks. */
import type { ErrorDescription } from '../cdmi/describe-error.js'
import { reasonPhrase } from '../cdmi/describe-error.js'

/** Header fields of every page that the server writes itself: it runs nothing, loads nothing and is framed by nobody. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer'
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text as HTML, for content and for quoted attributes. */
export function escapeHtml (text: string): string {
  return text.replace(/[&<>"']/g, character => escapes[character] ?? '')
}

/** True when `Accept` prefers `text/html` to everything else it names, as browsers do and programs do not. */
export function prefersHtml (accept: string | undefined): boolean {
  if (accept === undefined || !/text\/html/i.test(accept)) return false
  let best = { type: '', quality: 0 }
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim().toLowerCase())
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    const quality = weight === undefined ? 1 : Number(weight.slice(2))
    if (quality > best.quality) best = { type, quality }
  }
  return best.type === 'text/html' || best.type === 'application/xhtml+xml'
}

/** The whole page. Everything in it is escaped. */
export function errorPage (description: ErrorDescription, requestID: string): string {
  const title = escapeHtml(`${description.status} ${reasonPhrase(description.status)}`)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body>
<h1>${title}</h1>
<p>${escapeHtml(description.message)}</p>
<p><small>Request ${escapeHtml(requestID)} · ${escapeHtml(description.code)}</small></p>
</body>
</html>
`
}
