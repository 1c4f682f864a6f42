// Sounds and says new alerts that cannot wait; what was there when the page was opened is not news.
import { ref } from 'vue'
import { t } from '../i18n'
import { headline } from '../reasons/headline'
import { RANK, onAlert, type AlertNews } from '../state/alerts'
import { link } from '../state/link'
import { sound } from './tone'

/** The newest alert in words, for readers of the screen by ear. */
export const announced = ref('')

/** Whether an alert is news that must be heard: it opened, came back, or became more severe. */
export function isNews({ alert, before }: AlertNews): boolean {
  if (alert.state !== 'open') return false
  if (before?.state !== 'open') return true
  return RANK[alert.severity] > RANK[before.severity]
}

export function startAlarm(): void {
  onAlert((news) => {
    if (link.fetched === 0 || !isNews(news)) return
    const { alert } = news
    announced.value = t('alerts.new_alert', { what: `${t(`severity.${alert.severity}`)}, ${headline(alert)}` })
    if (alert.severity === 'critical' || alert.severity === 'high') sound(alert.severity)
  })
}
