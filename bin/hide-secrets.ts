/** A second line of defence for what is printed: no sentence has a secret in it, but who mistypes a flag sees it again with all that he has typed. */

const userInfo = /(\w:\/\/)[^/\s'"@]*(?:@[^/\s'"@]*)*@/g
const parameters = /\b((?:access_?key_?id|secret_?access_?key|session_?token|password)=)[^&\s'"]*/gi

export function hideSecrets (text: string): string {
  return text.replace(userInfo, '$1…@').replace(parameters, '$1…')
}
