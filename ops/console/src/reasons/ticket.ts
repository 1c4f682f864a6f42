// A ticket's title in the language in force: the service writes them in English, after three patterns.
import { t } from '../i18n'

const PATTERNS: [kind: string, pattern: RegExp][] = [
  ['unreadable', /^Scrap and replace (?<item>.+): no readable month of manufacture$/],
  ['scrap', /^Scrap and replace (?<item>.+) by (?<on>\d{4}-\d\d-\d\d)$/],
  ['service', /^Service (?<item>.+) by (?<on>\d{4}-\d\d-\d\d)$/],
]

/** The title as it came when it follows none of them. */
export function ticketTitle(title: string): string {
  for (const [kind, pattern] of PATTERNS) {
    const groups = pattern.exec(title)?.groups
    if (groups) return t(`tickets.titles.${kind}`, groups)
  }
  return title
}
