/** The page that a person gets in a browser for an error. Everything in it is escaped; it runs and loads nothing. */
import { reasonPhrase, type ErrorDescription } from '../cdmi/describe-error.js'
import { escapeHtml, page } from '../routes/http/html.js'

export function errorPage (description: ErrorDescription, requestID: string): string {
  return page(`${description.status} ${reasonPhrase(description.status)}`, `<p>${escapeHtml(description.message)}</p>
<p><small>Request ${escapeHtml(requestID)} · ${escapeHtml(description.code)}</small></p>
`)
}
