// The numbers of a reason as text: the end of a name says what its value is.
import { clock, dayClock, metres, span } from '../i18n/format'
import { wordOr } from '../i18n'
import type { Reason } from '../api/types'

const MOMENTS = new Set(['at', 'start', 'end'])
const WORDS = new Set(['work', 'button', 'verdict', 'outcome'])

function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : JSON.stringify(value)
}

/** One value as text. */
export function shown(name: string, value: unknown): string {
  if (typeof value === 'number') {
    if (name.endsWith('_s')) return span(value)
    if (name.endsWith('_m')) return metres(value)
  }
  if (typeof value === 'string') {
    if (MOMENTS.has(name) && value.includes('T')) return clock(value)
    if (name.endsWith('_at') && value.includes('T')) return dayClock(value)
    if (WORDS.has(name)) return wordOr(name === 'verdict' ? `verdict.${value}` : `word.${value}`, value)
  }
  return plain(value)
}

/** All values of a reason that are there, as text. */
export function params(reason: Reason): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(reason))
    if (name !== 'reason' && value !== null && value !== undefined) found[name] = shown(name, value)
  return found
}
