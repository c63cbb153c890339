/** HTTP dates (RFC 9110 §5.6.7) in whole seconds since the epoch: three forms are read, one is written. */

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const imf = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/i
const rfc850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/i
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i

/** Undefined when the text is not an HTTP date: a recipient ignores the field then. */
export function parseHttpDate (text: string, now: number = Date.now()): number | undefined {
  let match = imf.exec(text)
  if (match !== null) return seconds(match[3], match[2], match[1], match[4], match[5], match[6])
  match = asctime.exec(text)
  if (match !== null) return seconds(match[6], match[1], match[2], match[3], match[4], match[5])
  match = rfc850.exec(text)
  if (match === null) return undefined
  // A year of two digits that seems more than 50 years ahead is one of the past.
  const thisYear = new Date(now).getUTCFullYear()
  let year = thisYear - thisYear % 100 + Number(match[3])
  if (year > thisYear + 50) year -= 100
  return seconds(String(year), match[2], match[1], match[4], match[5], match[6])
}

function seconds (year: string | undefined, month: string | undefined, day: string | undefined, hour: string | undefined, minute: string | undefined, second: string | undefined): number | undefined {
  const index = months.indexOf((month ?? '').toLowerCase())
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)]
  // 60: a leap second.
  if (index === -1 || d < 1 || d > 31 || h > 23 || m > 59 || s > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(Number(year), index, d)
  if (date.getUTCDate() !== d) return undefined
  return date.getTime() / 1000 + h * 3600 + m * 60 + s
}

let formatted = { seconds: 0, text: new Date(0).toUTCString() }

/** The preferred form. */
export function formatHttpDate (time: number): string {
  // Objects that are read together were often written together.
  if (formatted.seconds !== time) formatted = { seconds: time, text: new Date(time * 1000).toUTCString() }
  return formatted.text
}
