import { describe, expect, it } from 'vitest'
import { daysLater, midnight } from './days'

describe('days of the site', () => {
  it('begin at its own midnight', () => {
    expect(midnight('2026-11-21', 'Asia/Shanghai')).toBe('2026-11-20T16:00:00.000Z')
    expect(midnight('2026-11-21', 'UTC')).toBe('2026-11-21T00:00:00.000Z')
    expect(midnight('2026-11-21', 'America/New_York')).toBe('2026-11-21T05:00:00.000Z')
  })

  it('begin right on both sides of a clock change', () => {
    expect(midnight('2026-03-29', 'Europe/Berlin')).toBe('2026-03-28T23:00:00.000Z')
    expect(midnight('2026-03-30', 'Europe/Berlin')).toBe('2026-03-29T22:00:00.000Z')
  })

  it('follow each other over the end of a month', () => {
    expect(daysLater('2026-11-30', 1)).toBe('2026-12-01')
    expect(daysLater('2026-03-01', -1)).toBe('2026-02-28')
  })
})
