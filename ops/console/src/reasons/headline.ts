// What an alert says in one line, in the language in force; the service's own title when we have no words for it.
import { has, t } from '../i18n'
import { checkpointName, gridName } from '../state/site'
import type { Alert, Reason } from '../api/types'

type Said = Pick<
  Alert,
  'rule' | 'class' | 'subject' | 'title' | 'fingerprint' | 'unit' | 'device' | 'grid' | 'reasons'
>

function first(alert: Said): Reason {
  const reason: unknown = alert.reasons[0]
  return typeof reason === 'object' && reason !== null ? (reason as Reason) : {}
}

function keyOf(alert: Said): string {
  const round = alert.fingerprint.startsWith('missed_checkpoint:round:')
  return round ? `headline.round_${alert.class}` : `headline.${alert.rule}_${alert.class}`
}

/** The route within a round's key, such as R-03 in night/F-07/R-03/2026-11-21/2. */
function routeOf(alert: Said): string {
  return alert.subject.split('/')[2] ?? alert.subject
}

/** One line; never empty. */
export function headline(alert: Said): string {
  const key = keyOf(alert)
  if (!has(key)) return alert.title
  const reason = first(alert)
  const holder = typeof reason.holder === 'string' ? reason.holder : null
  const who = [holder, alert.unit].filter((it) => it !== null && it !== '')
  const scrap = typeof reason.scrap === 'number' ? reason.scrap : 0
  return t(key, {
    device: alert.device ?? alert.subject,
    unit: alert.unit ?? '',
    unit_or_any: alert.unit ?? t('headline.any_unit'),
    subject: alert.subject,
    place: checkpointName(alert.subject),
    route: routeOf(alert),
    grid: gridName(alert.grid ?? alert.subject),
    items: typeof reason.items === 'number' ? reason.items : '',
    scrap: scrap > 0 ? t('headline.part_scrap', { n: scrap }) : '',
    who: who.length > 0 ? t('headline.part_who', { who: who.join(', ') }) : '',
  })
}
