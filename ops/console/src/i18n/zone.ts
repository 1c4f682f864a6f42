// Between what people type into a field for day and hour, in the site's zone, and absolute times.
import { site } from '../state/site'

/** Such as 2026-11-21T08:00, as such a field wants it. */
export function siteInput(moment_ms: number): string {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: site.zone, dateStyle: 'short', timeStyle: 'short' }).format(moment_ms)
  return text.replace(' ', 'T')
}

/** The absolute time of what was typed; of an hour that a clock change repeats, the first. */
export function inSiteZone(typed: string): string {
  const asUtc_ms = Date.parse(`${typed}Z`)
  const offset_ms = (at_ms: number): number => Date.parse(`${siteInput(at_ms)}Z`) - Math.floor(at_ms / 60_000) * 60_000
  const guess_ms = asUtc_ms - offset_ms(asUtc_ms)
  return new Date(asUtc_ms - Math.max(offset_ms(guess_ms), offset_ms(guess_ms - 3_600_000))).toISOString()
}
