/** Secrets that stand in URLs of stores: what they are called, how they are found and hidden, and why they are not taken from a command line. */

/** Parameters of URLs that nobody else should see; between the words may be a "_" or nothing. */
const parameterNames = ['access key id', 'secret access key', 'session token', 'password']

/** The same names as they are compared: in lower case, without gaps. */
export const secretNames: readonly string[] = parameterNames.map(name => name.replaceAll(' ', ''))

const alternatives = parameterNames.map(name => name.replaceAll(' ', '_?')).join('|')
const inQuery = new RegExp(`[?&](?:${alternatives})=`, 'i')
const anywhere = new RegExp(`\\b((?:${alternatives})=)[^&\\s'"]*`, 'gi')
/** Up to the last "@" of a word: a password that was not escaped may have any character. Stacks have file: URLs, whose paths may have one, too. */
const userInfo = /((?<!\bfile):\/\/)[^\s'"]*@/g

/** A password in a URL, or a parameter that is one, however it is escaped. What is no URL at all may be one that was mistyped. */
export function hasSecret (text: string): boolean {
  return /:\/\/[^/?#]*:.*@/.test(text) || inQuery.test(text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))))
}

/** A second line of defence for what is printed: no sentence has a secret in it, but who mistypes a flag sees it again with all that he has typed. */
export function hideSecrets (text: string): string {
  return text.replace(userInfo, '$1…@').replace(anywhere, '$1…')
}

/** Why a flag is refused, and where its secret may stand instead. */
export function secretRefusal (flag: string, places: readonly string[]): string {
  return `The option ${flag} has a secret in it, and other users of the machine can read it there: use ${places.slice(0, -1).join(', ')}, or ${places.at(-1) ?? ''}`
}

/** The variable that has the secret of the records', or of the values' place, when it is not in the URL. */
export const secretVariables = { meta: 'PGPASSWORD', blobs: 'AWS_SECRET_ACCESS_KEY' } as const
