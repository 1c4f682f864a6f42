import { afterEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { en } from '../i18n/en'
import { zhCN } from '../i18n/zh-CN'
import { language } from '../state/prefs'
import type { Alert } from '../api/types'
import { headline } from './headline'
import { sentence } from './sentence'
import { ticketTitle } from './ticket'

/** One of each reason as the service gives it. */
const REASONS = [
  { reason: 'visit', device: 'HS-01', distance_m: 12.4, accuracy_m: 6, at: '2026-11-21T02:00:00.000Z' },
  { reason: 'interpolated', gap_s: 30 },
  { reason: 'accuracy_unknown' },
  { reason: 'early_by', early_s: 65 },
  { reason: 'late_by', late_s: 300 },
  { reason: 'nearest_fix', device: 'HS-01', distance_m: 1400.2, accuracy_m: 8, at: '2026-11-21T02:00:00.000Z', fixes: 40 },
  { reason: 'hole', device: 'HS-01', start: '2026-11-21T02:00:00.000Z', end: '2026-11-21T03:30:00.000Z', gap_s: 5400 },
  { reason: 'silent_device', device: 'HS-01' },
  { reason: 'accuracy', device: 'HS-01', accuracy_m: 80, radius_m: 30, distance_m: 41, at: '2026-11-21T02:00:00.000Z' },
  { reason: 'mock', device: 'HS-01', at: '2026-11-21T02:00:00.000Z' },
  { reason: 'no_device' },
  { reason: 'custody', device: 'HS-01' },
  { reason: 'no_place' },
  { reason: 'not_yet' },
  { reason: 'border', device: 'HS-01', beyond_m: 4.2, accuracy_m: 12, at: '2026-11-21T02:00:00.000Z' },
  { reason: 'closed', at: '2026-11-21T02:00:00.000Z' },
  { reason: 'jump', device: 'HS-01', at: '2026-11-21T02:00:00.000Z' },
  { reason: 'too_fast', device: 'HS-01', at: '2026-11-21T02:00:00.000Z', speed_mps: 6.9 },
  { reason: 'superseded', by: 'CAR-2' },
  { reason: 'overdue', items: 3, service: 1, scrap: 2 },
  { reason: 'overdue', work: 'scrap', due_on: '2026-08-01', equipment: 'EX-0419' },
  { reason: 'served', on: '2026-08-01' },
  { reason: 'retired', at: '2026-11-21T02:00:00.000Z' },
  { reason: 'no_manufacture_month', equipment: 'EX-0419' },
  { reason: 'pressed', button: 'sos', device: 'HS-01', holder: 'P-01', at: '2026-11-21T02:00:00.000Z', place_age_s: 150 },
  { reason: 'silent_for', device: 'HS-01', holder: 'P-01', heard_at: '2026-11-21T02:00:00.000Z', limit_s: 600 },
  { reason: 'outside', device: 'HS-01', holder: 'P-01', beyond_m: 512.3, accuracy_m: 8, since_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'standing', device: 'HS-01', holder: 'P-01', since_at: '2026-11-21T02:00:00.000Z', limit_s: 2700, radius_m: 50, accuracy_m: 8 },
  { reason: 'over_speed', device: 'V-01', holder: 'CAR-1', speed_kmh: 93.1, limit_kmh: 60.1, since_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'teleport', device: 'HS-01', holder: 'P-01', since_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'frozen', device: 'HS-01', holder: 'P-01', since_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'made_up', device: 'HS-01', holder: 'P-01', since_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'battery', device: 'HS-01', holder: 'P-01', battery_pct: 18, limit_pct: 20, at: '2026-11-21T02:00:00.000Z' },
  { reason: 'no_sign', device: 'HS-01', holder: 'P-01', since_at: '2026-11-21T02:00:00.000Z', limit_s: 1800 },
  {
    reason: 'app_asleep', device: 'HS-01', holder: 'P-01', naps: 2, opened: 1, longest_s: 900, battery_pct: 80,
    since_at: '2026-11-21T02:00:00.000Z',
  },
  { reason: 'battery_saver', device: 'HS-01', battery_pct: 83 },
  { reason: 'ingest_behind', caught_up_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'ingest_silent', worker: '2', beat_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'over_allowance', device: 'HS-01', readings: 1200, since_at: '2026-11-21T02:00:00.000Z' },
  {
    reason: 'unbalanced', worker: '1', lane: 'up', difference: 3, lost: 0, received: 10, stored: 5, repeated: 1, ignored: 0,
    quarantined: 1, withheld: 0,
  },
  { reason: 'broker_disk', free_mb: 150, size_mb: 40_000, free_pct: 0.4 },
  { reason: 'broker_disk_unseen', looked_at: '2026-11-21T02:00:00.000Z' },
  { reason: 'nobody_named', unit: 'F-01', start: '2026-11-21T02:00:00.000Z', end: '2026-11-21T03:30:00.000Z' },
  { reason: 'away', post: 'P-01', since_at: '2026-11-21T02:00:00.000Z', until_at: '2026-11-22T03:30:00.000Z' },
  { reason: 'away', post: 'P-01', since_at: '2026-11-21T02:00:00.000Z' },
  {
    reason: 'low_charge', device: 'VT-03', charge_pct: 20, limit_pct: 30, charge_at: '2026-11-21T02:00:00.000Z', shift: 'day',
    start: '2026-11-21T02:00:00.000Z', end: '2026-11-21T03:30:00.000Z',
  },
  { reason: 'scan', device: 'HS-01', holder: 'P-01', tag: '04A2B3', at: '2026-11-21T02:00:00.000Z', distance_m: 12.4, fix_age_s: 20 },
  { reason: 'scan', device: 'HS-01', holder: 'P-01', tag: '04A2B3', at: '2026-11-21T02:00:00.000Z' },
  { reason: 'scan_far', device: 'HS-01', holder: 'P-01', tag: '04A2B3', at: '2026-11-21T02:00:00.000Z', distance_m: 400, accuracy_m: 8 },
  { reason: 'scan_unplaced', device: 'HS-01', holder: 'P-01', tag: '04A2B3', at: '2026-11-21T02:00:00.000Z' },
  { reason: 'dwell_short', device: 'HS-01', holder: 'P-01', at: '2026-11-21T02:00:00.000Z', stayed_s: 60, dwell_s: 180 },
  { reason: 'dwell_unsure', device: 'HS-01', holder: 'P-01', at: '2026-11-21T02:00:00.000Z', stayed_s: 60, dwell_s: 180 },
  { reason: 'drove_past', device: 'VT-01', holder: 'CAR-1', at: '2026-11-21T02:00:00.000Z', speed_mps: 11.2 },
  { reason: 'out_of_order', place: 3, other: 'CP-005', at: '2026-11-21T02:00:00.000Z' },
  { reason: 'leg_early', before: 'CP-002', took_min: 4.5, minutes: 12, tolerance_min: 5 },
  { reason: 'leg_late', before: 'CP-002', took_min: 25, minutes: 12, tolerance_min: 5 },
  { reason: 'points', points: 7, missed: 5, in_doubt: 2 },
  { checkpoint: 'CP-003', verdict: 'missed', reason: 'not_yet' },
]

async function speak(to: 'en' | 'zh-CN'): Promise<void> {
  language.value = to
  await nextTick()
}

afterEach(() => speak('en'))

describe('reasons as sentences', () => {
  for (const to of ['en', 'zh-CN'] as const)
    it(`are whole in ${to}`, async () => {
      await speak(to)
      for (const reason of REASONS) {
        const said = sentence(reason)
        expect(said, JSON.stringify(reason)).not.toMatch(/[{}]|reason\.|undefined|_/)
        expect(said.length).toBeGreaterThan(4)
        if (to === 'zh-CN') expect(said).toMatch(/\p{Script=Han}/u)
      }
    })

  it('leave out what is not known', async () => {
    await speak('en')
    expect(sentence({ reason: 'pressed', button: 'sos', device: 'HS-01', at: '2026-11-21T02:00:00.000Z' })).toBe('SOS pressed on HS-01 at 10:00.')
    expect(sentence({ reason: 'nearest_fix', device: 'HS-01', distance_m: 41 })).toBe('HS-01 came no nearer than 41 m.')
  })

  it('show an unknown word as it came, with its numbers', () => {
    expect(sentence({ reason: 'tide_too_high', height_m: 3, by: 'moon' })).toBe('tide_too_high: height_m 3 m, by moon')
    expect(sentence({ reason: 'hole', device: 'HS-01' })).toBe('hole: device HS-01')
  })
})

const ALERT: Alert = {
  id: 1, fingerprint: 'sos:HS-01', rule: 'sos', subject: 'HS-01', class: 'sos', severity: 'critical', state: 'open',
  title: 'SOS: HS-01 (P-01, F-01)', reasons: [{ reason: 'pressed', holder: 'P-01' }], grid: null, unit: 'F-01', device: 'HS-01',
  duty: null, incident: null, lat: null, lon: null, opened_at: '', changed_at: '', acked_at: null, acked_by: null,
  resolved_at: null, resolution: null, reopened: 0, age_s: 0,
}

describe('headlines', () => {
  it('say the same in both languages', async () => {
    await speak('en')
    expect(headline(ALERT)).toBe('SOS: HS-01 (P-01, F-01)')
    await speak('zh-CN')
    expect(headline(ALERT)).toBe('求救：HS-01（P-01, F-01）')
  })

  it('name a round by its route', () => {
    const round = { ...ALERT, rule: 'missed_checkpoint', class: 'missed', subject: 'night/F-07/R-03/2026-11-21/2', unit: 'F-07',
      fingerprint: 'missed_checkpoint:round:night/F-07/R-03/2026-11-21/2' }
    expect(headline(round)).toBe('F-07 missed most of the round R-03')
  })

  it("are the service's own for a rule that this page does not know", () => {
    expect(headline({ ...ALERT, rule: 'flood', class: 'high_water', title: 'Water at the bridge' })).toBe('Water at the bridge')
  })
})

describe('tickets', () => {
  it('are told in Chinese, and as they came when they follow no pattern', async () => {
    await speak('zh-CN')
    expect(ticketTitle('Service 灭火器 (EX-1) by 2026-12-01')).toBe('维修 灭火器 (EX-1)，期限 2026-12-01')
    expect(ticketTitle('Sweep the yard')).toBe('Sweep the yard')
  })
})

describe('texts', () => {
  it('want the same values in both languages', () => {
    const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((it) => it[1] ?? '').sort()
    const compare = (a: object, b: object, path: string): void => {
      for (const [key, value] of Object.entries(a)) {
        const other = (b as Record<string, unknown>)[key]
        if (typeof value === 'string') {
          expect(holes(String(other)), path + key).toEqual(holes(value))
        } else compare(value as object, other as object, `${path}${key}.`)
      }
    }
    compare(en, zhCN, '')
  })
})
