/** Results as Markdown. */
import type { Machine } from './machine.js'
import type { Cell, Results, Section } from './results.js'
import { median } from './statistics.js'

export function markdown ({ date, machine, versions, settings, sections, notes }: Results): string {
  const flags = Object.entries(settings).map(([name, value]) => `--${name}${value === '' ? '' : ` ${value}`}`).join(' ')
  return [
    `${date.slice(0, 10)}, ${machineText(machine)}. ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`,
    `\`${flags}\`; medians (least..most).`,
    ...notes,
    ...sections.map(sectionText)
  ].join('\n\n') + '\n'
}

function machineText ({ model, cores, memory, kernel, disk, flush, load }: Machine): string {
  return `${cores} cores (${model}), ${Math.round(memory / 2 ** 30)} GiB, kernel ${kernel}, ${disk}, of which a flush takes ${flush.toFixed(2)} ms; load at the start ${load.toFixed(1)}`
}

function sectionText ({ title, columns, rows, notes }: Section): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const lines = rows.map(cells => row(columns.map(({ key, digits }) => cellText(cells[key] ?? '', digits ?? 0))))
  return [`### ${title}`, '', row(columns.map(column => column.title)), row(columns.map(() => '---')), ...lines, ...notes.flatMap(note => ['', note])].join('\n')
}

function cellText (cell: Cell, digits: number): string {
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number') return cell.toFixed(digits)
  if (cell.length === 0) return ''
  const middle = median(cell).toFixed(digits)
  return cell.length === 1 ? middle : `${middle} (${Math.min(...cell).toFixed(digits)}..${Math.max(...cell).toFixed(digits)})`
}
