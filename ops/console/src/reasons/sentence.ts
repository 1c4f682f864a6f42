// A reason's machine word and numbers as one sentence in the language in force.
import { has, t } from '../i18n'
import { checkpointName } from '../state/site'
import type { Reason } from '../api/types'
import { params } from './params'

/** What a sentence cannot do without; when one is missing, the raw words say more than a broken sentence. */
const NEEDED = /\{(\w+)\}/g

/** Parts that are left out when their value is not there. */
const PARTS: Record<string, string> = {
  accuracy_part: 'accuracy_m',
  at_part: 'at',
  holder_part: 'holder',
  place_part: 'place_age_s',
  clock_part: 'clock',
}

function keyOf(reason: Reason): string {
  const word = String(reason.reason)
  if (word === 'overdue') {
    if (reason.items !== undefined) return 'reason.overdue_items'
    if (reason.equipment !== undefined) return 'reason.overdue_item'
  }
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

/** The template itself, to see which values it wants. */
function wanted(key: string): string[] {
  const names: Record<string, string> = {}
  const spy = new Proxy(names, { get: (_, name) => `{${String(name)}}`, has: () => true })
  return [...t(key, spy).matchAll(NEEDED)].map((it) => it[1] ?? '')
}

/** One reason as a sentence; a word that is not known is shown as it came, with its numbers. */
export function sentence(reason: Reason): string {
  if (reason.checkpoint !== undefined && reason.verdict !== undefined) return pointSentence(reason)
  const key = keyOf(reason)
  if (typeof reason.reason !== 'string' || !has(key)) return raw(reason)
  const values = params(reason)
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
