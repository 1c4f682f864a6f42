// What a duty was and what became of it, each in one line.
import { has, t, wordOr } from '../i18n'
import { clock, dayClock } from '../i18n/format'
import { checkpointName } from '../state/site'
import { params } from './params'
import { sentence } from './sentence'
import type { Duty, Reason } from '../api/types'

type Said = Pick<Duty, 'state' | 'verdict' | 'reasons' | 'met_at' | 'waived_at' | 'waived_by' | 'waived_why' | 'superseded_at' | 'superseded_why'>

/** The place or thing, by its name when it has one. */
export function dutyTitle(duty: Pick<Duty, 'rule' | 'subject' | 'name'>): string {
  const what = duty.name ?? checkpointName(duty.subject)
  return has(`duties.what.${duty.rule}`) ? t(`duties.what.${duty.rule}`, { what }) : t('pages.titled', { rule: wordOr(`rule.${duty.rule}`, duty.rule), what })
}

/** What took its place, when, and what had been said of it until then. */
function superseded(duty: Said): string {
  const why = wordOr(`pages.superseded.${duty.superseded_why ?? ''}`, duty.superseded_why ?? '')
  const said = t('pages.superseded_at', { when: duty.superseded_at === null ? '' : dayClock(duty.superseded_at), why })
  return duty.verdict === null ? said : `${said} ${t('pages.had_been', { verdict: t(`verdict.${duty.verdict}`) })}`
}

function visit(reasons: readonly Reason[]): Reason | undefined {
  return reasons.find((it) => it.reason === 'visit' && typeof it.device === 'string' && typeof it.distance_m === 'number')
}

/** One sentence, such as: met at 08:12 by HS-07, 6 m from the middle, accurate to 5 m. Never empty. */
export function dutySentence(duty: Said): string {
  const reasons = duty.reasons as Reason[]
  if (duty.state === 'superseded') return superseded(duty)
  if (duty.verdict === null)
    return duty.waived_at === null
      ? t(`duty_state.${duty.state}`)
      : t('duties.said.waived', { who: duty.waived_by ?? '', why: duty.waived_why ?? '' })
  if (duty.verdict === 'waived' && duty.waived_at !== null)
    return t('duties.said.waived', { who: duty.waived_by ?? '', why: duty.waived_why ?? '' })
  const verdict = t(`verdict.${duty.verdict}`)
  const seen = visit(reasons)
  if (seen && duty.met_at !== null) {
    const values = params(seen)
    const accuracy = values.accuracy_m === undefined ? '' : t('reason_part.accuracy', values)
    const said = t('duties.said.visit', { ...values, verdict, at: clock(duty.met_at), accuracy })
    const by = reasons.find((it) => it.reason === 'late_by' || it.reason === 'early_by')
    return by ? `${said} ${sentence(by)}` : said
  }
  const first = reasons[0]
  return first ? t('duties.said.because', { verdict, why: sentence(first) }) : verdict
}
