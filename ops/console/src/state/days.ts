// Days of the site: when one begins, whatever zone the browser stands in.
import { site } from './site'

/** What a clock of the zone shows at a moment, as if it were UTC; its distance to the moment is the zone's offset. */
function shown(moment_ms: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  }).formatToParts(new Date(moment_ms))
  const at = (type: string): number => Number(parts.find((it) => it.type === type)?.value ?? 0)
  return Date.UTC(at('year'), at('month') - 1, at('day'), at('hour'), at('minute'))
}

/** The moment at which a day such as 2026-11-21 begins at the site, as ISO text in UTC. */
export function midnight(day: string, zone = site.zone): string {
  const wanted = Date.parse(`${day}T00:00:00Z`)
  let moment = wanted
  // The offset at the guess may be that of the other side of a clock change: the second round is right.
  for (let round = 0; round < 2; round += 1) moment += wanted - shown(moment, zone)
  return new Date(moment).toISOString()
}

/** A day so many days later, such as 2026-11-22. */
export function daysLater(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}
