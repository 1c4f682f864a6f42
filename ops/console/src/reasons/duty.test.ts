// What a patrol reads about its own duty.
import { nextTick } from 'vue'
import { describe, expect, it } from 'vitest'
import { inSiteZone, siteInput } from '../i18n/zone'
import { language, type Language } from '../state/prefs'
import { site } from '../state/site'
import type { Duty } from '../api/types'
import { dutySentence, dutyTitle } from './duty'

async function speak(wanted: Language): Promise<void> {
  language.value = wanted
  await nextTick()
}

const DUTY: Parameters<typeof dutySentence>[0] = {
  state: 'final',
  verdict: 'met',
  met_at: '2026-11-21T00:12:00Z',
  waived_at: null,
  waived_by: null,
  waived_why: null,
  superseded_at: null,
  superseded_why: null,
  reasons: [{ reason: 'visit', device: 'HS-07', distance_m: 6.2, accuracy_m: 5, at: '2026-11-21T00:12:00.000Z' }],
}

describe('a duty', () => {
  it('says who was there, when, how near and how accurate', async () => {
    await speak('en')
    expect(dutySentence(DUTY)).toBe('met at 08:12 by HS-07, 6 m from the middle, accurate to 5 m.')
    const late: typeof DUTY = { ...DUTY, verdict: 'late', reasons: [...DUTY.reasons, { reason: 'late_by', late_s: 180 }] }
    expect(dutySentence(late)).toBe('late at 08:12 by HS-07, 6 m from the middle, accurate to 5 m. 3 min too late.')
    await speak('zh-CN')
    expect(dutySentence(DUTY)).toContain('08:12')
  })

  it('says what superseded it and what had been said of it', async () => {
    await speak('en')
    const gone: typeof DUTY = {
      ...DUTY, state: 'superseded', verdict: 'missed', superseded_at: '2026-11-21T00:12:00Z', superseded_why: 'not_planned',
    }
    expect(dutySentence(gone)).toContain('the plan as it was put right does not have it. Its verdict had been: missed.')
    await speak('zh-CN')
    expect(dutySentence(gone)).toContain('更正后的计划中没有该项')
  })

  it('says why it was not met', async () => {
    await speak('en')
    const doubt: typeof DUTY = { ...DUTY, verdict: 'in_doubt', met_at: null, reasons: [{ reason: 'silent_device', device: 'HS-07' }] }
    expect(dutySentence(doubt)).toBe('in doubt: HS-07 sent no usable position in the window.')
  })

  it('says at once who waived it, also before it has begun', async () => {
    await speak('en')
    const waived = { ...DUTY, waived_at: '2026-11-21T01:00:00Z', waived_by: 'wang', waived_why: 'road closed' }
    expect(dutySentence({ ...waived, verdict: null, state: 'planned', reasons: [] })).toBe('waived by wang: road closed')
    expect(dutySentence({ ...waived, verdict: 'waived' })).toBe('waived by wang: road closed')
    expect(dutySentence(waived)).toContain('met at 08:12') // proof wins
  })

  it('is called by its place', async () => {
    await speak('en')
    const named = { rule: 'missed_checkpoint', subject: 'K-1', name: 'East gate' } as Duty
    expect(dutyTitle(named)).toBe('Checkpoint East gate')
    expect(dutyTitle({ ...named, rule: 'a_new_rule', name: null })).toBe('a_new_rule: K-1')
  })
})

describe('hours that are typed', () => {
  it("are the site's, summer time and its ends too", () => {
    site.zone = 'Asia/Shanghai'
    expect(inSiteZone('2026-11-21T08:00')).toBe('2026-11-21T00:00:00.000Z')
    expect(siteInput(Date.parse('2026-11-21T00:00:00Z'))).toBe('2026-11-21T08:00')
    site.zone = 'Europe/Berlin'
    expect(inSiteZone('2026-07-01T08:00')).toBe('2026-07-01T06:00:00.000Z')
    expect(inSiteZone('2026-10-25T02:30')).toBe('2026-10-25T00:30:00.000Z') // the first of the two
    expect(inSiteZone('2026-10-25T03:30')).toBe('2026-10-25T02:30:00.000Z')
    site.zone = 'Asia/Shanghai'
  })
})
