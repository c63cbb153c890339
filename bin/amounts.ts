/** Numbers for people. */

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

export function bytesText (bytes: number): string {
  let [amount, unit] = [bytes, 0]
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit++
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${units[unit] ?? ''}`
}

export function timeText (milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function countText (count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
