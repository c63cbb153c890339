/** What an S3 server answers in XML, read without trust: no entities but XML's own, nothing taken for a number. */
import { XMLParser } from 'fast-xml-parser'

/** An element with children; a text is a string; what occurs more than once is a list. */
export interface Element { readonly [name: string]: Node | undefined }
export type Node = string | Element | readonly Node[]

const parser = new XMLParser({ ignoreAttributes: true, ignoreDeclaration: true, parseTagValue: false, removeNSPrefix: true, trimValues: false })

/** The children of the root element when that has this name; undefined for anything else. */
export function readXml (text: string, root: string): Element | undefined {
  try {
    const document: unknown = parser.parse(text)
    if (!isElement(document)) return undefined
    const found = document[root]
    // An element without content is read as an empty text.
    return found === '' ? {} : isElement(found) ? found : undefined
  } catch {
    // Not XML: a proxy's page, or an answer that was cut.
    return undefined
  }
}

/** The text of a child, '' when it is missing. */
export function textOf (element: Element, name: string): string {
  const node = element[name]
  return typeof node === 'string' ? node : ''
}

/** The children of this name that have children themselves. */
export function elementsOf (element: Element, name: string): Element[] {
  const node = element[name]
  return (Array.isArray(node) ? node : [node]).filter(isElement)
}

/** Text for the inside of an element. */
export function escapeXml (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function isElement (node: unknown): node is Element {
  return typeof node === 'object' && node !== null && !Array.isArray(node)
}
