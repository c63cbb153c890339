/** HTML pages of the server itself: plain, without scripts, and safe whatever names and messages they show. */
import { createHash } from 'node:crypto'

const style = `
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.3rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem 1rem .25rem 0;border-bottom:1px solid #ddd;overflow-wrap:anywhere;vertical-align:top}
form{margin:1.5rem 0;padding:1rem;border:1px solid #ddd}
a{color:#06c}
`

const styleHash = createHash('sha256').update(style).digest('base64')

/** Nothing may be loaded or run; the one style sheet is known by its hash; forms go nowhere but to this server. */
const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`

/** Headers of every page. `no-cache`: a page shows the state of a moment. */
export const htmlHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cache-control': 'private, no-cache'
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text for any place in HTML: between tags, and in quoted attributes. */
export function escapeHtml (text: string): string {
  return text.replace(/[&<>"']/g, character => escapes[character] ?? character)
}

/** The beginning of a page, up to its heading. */
export function pageHead (title: string): string {
  const text = escapeHtml(title)
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text}</title>
<style>${style}</style>
</head>
<body>
<h1>${text}</h1>
`
}

export const pageFoot = '</body>\n</html>\n'

/** A whole page. `body` is HTML: what it shows is escaped already. */
export function page (title: string, body: string): string {
  return pageHead(title) + body + pageFoot
}

/**
 * A relative link to a child of the container that a page is about; a container's ends in a slash (CLI-24). With every reserved character
 * escaped no name can be taken for a scheme, a query or another path: `javascript:x` is `javascript%3Ax`.
 */
export function childHref (name: string, container: boolean): string {
  return escapeHtml(encodeURIComponent(name)) + (container ? '/' : '')
}
