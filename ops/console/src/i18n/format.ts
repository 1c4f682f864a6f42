// Numbers, times and spans as people read them; times are told in the site's zone.
import { language } from '../state/prefs'
import { site } from '../state/site'
import { t } from './index'

/** A length of time in its two largest units. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 120) return t('span.s', { n: s })
  const minutes = Math.floor(s / 60)
  if (minutes < 120) return t('span.min', { n: minutes })
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 ? t('span.h_min', { h: hours, min: minutes % 60 }) : t('span.h', { n: hours })
  const days = Math.floor(hours / 24)
  return hours % 24 ? t('span.d_h', { d: days, h: hours % 24 }) : t('span.d', { n: days })
}

/** An age in one unit, short enough for a symbol on the map. */
export function shortAge(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 100) return `${s}s`
  if (s < 5940) return `${Math.round(s / 60)}m`
  return s < 172_800 ? `${Math.round(s / 3600)}h` : `${Math.round(s / 86_400)}d`
}

export function metres(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} km` : `${Math.round(value)} m`
}

function inZone(moment: string | number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(language.value, { timeZone: site.zone, hourCycle: 'h23', ...options }).format(
    new Date(moment),
  )
}

const CLOCK = { hour: '2-digit', minute: '2-digit' } as const
const DAY = { year: 'numeric', month: '2-digit', day: '2-digit' } as const

/** Hours and minutes. */
export const clock = (moment: string | number): string => inZone(moment, CLOCK)

/** Hours, minutes and seconds. */
export const clockSeconds = (moment: string | number): string => inZone(moment, { ...CLOCK, second: '2-digit' })

/** Year, month and day, such as 2026-11-21. */
export function day(moment: string | number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: site.zone, ...DAY }).format(new Date(moment))
}

/** The hour alone for what is of today, with its day otherwise, and with its year when that is not this one. */
export function dayClock(moment: string | number): string {
  const [date, today] = [day(moment), day(Date.now())]
  if (date === today) return clock(moment)
  return `${date.slice(0, 4) === today.slice(0, 4) ? date.slice(5) : date} ${clock(moment)}`
}
