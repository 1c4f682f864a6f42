// A reason's machine word and numbers as one sentence in the language in force.
import { has, t } from '../i18n'
import { en } from '../i18n/en'
import { checkpointName } from '../state/site'
import type { Reason } from '../api/types'
import { params } from './params'

const NEEDED = /\{(\w+)\}/g

/** Parts that are left out when their value is not there. */
const PARTS: Record<string, string> = {
  accuracy_part: 'accuracy_m',
  at_part: 'at',
  holder_part: 'holder',
  place_part: 'place_age_s',
  clock_part: 'clock',
  note_part: 'note',
}

function keyOf(reason: Reason): string {
  const word = String(reason.reason)
  if (word === 'overdue') {
    if (reason.items !== undefined) return 'reason.overdue_items'
    if (reason.equipment !== undefined) return 'reason.overdue_item'
  }
  if (word === 'away' && reason.until_at === undefined) return 'reason.away_open'
  if (word === 'scan' && reason.distance_m === undefined) return 'reason.scan_placeless'
  if (word === 'accuracy' && reason.distance_m === undefined) return 'reason.accuracy_coarse'
  return `reason.${word}`
}

function raw(reason: Reason): string {
  const { reason: word, ...rest } = reason
  const numbers = Object.entries(params(rest)).map(([name, value]) => `${name} ${value}`)
  const said = typeof word === 'string' ? word : ''
  return numbers.length > 0 ? [said, numbers.join(', ')].filter(Boolean).join(': ') : said
}

function parts(values: Record<string, string>): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [part, name] of Object.entries(PARTS))
    found[part] = values[name] === undefined ? '' : t(`reason_part.${name.replace(/_(m|age_s)$/, '')}`, values)
  return found
}

const SAME_S = 10 // a place that is this much older than a press is the place of the press

const TEMPLATES: Record<string, string> = en.reason

/** The values that a sentence cannot do without, in any language: without one, the raw words say more than it would. */
function wanted(key: string): string[] {
  return [...(TEMPLATES[key.slice('reason.'.length)] ?? '').matchAll(NEEDED)].map((it) => it[1] ?? '')
}

/** One reason as a sentence; a word that is not known is shown as it came, with its numbers. */
export function sentence(reason: Reason): string {
  if (reason.checkpoint !== undefined && reason.verdict !== undefined) return pointSentence(reason)
  const key = keyOf(reason)
  if (typeof reason.reason !== 'string' || !has(key)) return raw(reason)
  const values = params(reason)
  if (typeof reason.place_age_s === 'number' && reason.place_age_s < SAME_S) delete values.place_age_s
  const all: Record<string, string> = { equipment: '', ...parts(values), ...values }
  if (values.equipment !== undefined) all.equipment = reason.reason === 'overdue' ? values.equipment : `${values.equipment} `
  return wanted(key).every((name) => all[name] !== undefined) ? t(key, all) : raw(reason)
}

/** A round's alert names each of its points, with the first reason of each. */
function pointSentence(reason: Reason): string {
  const { checkpoint, verdict, ...rest } = reason
  return t('reason.point', {
    checkpoint: checkpointName(String(checkpoint)),
    verdict: params({ verdict }).verdict ?? '',
    because: rest.reason === undefined ? '' : sentence(rest),
  }).trim()
}
