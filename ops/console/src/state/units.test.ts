import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Unit } from '../api/types'
import { clearUnits, loadUnits, placedUnits, putFix } from './units'

const fix = (time: string, lat: number) => ({
  time, lat, lon: 111, accuracy_m: 5, speed_mps: null, heading_deg: null, altitude_m: null, flags: [], grid: null,
})
const carried = (name: string, at: ReturnType<typeof fix> | null) => ({
  name, kind: 'handset', label: null, post: null, heard_at: null, battery_pct: null, battery_at: null,
  charge_pct: null, charge_at: null,
  position: at && { ...at, age_s: 1 },
})
function answer(...devices: ReturnType<typeof carried>[]): void {
  const unit = { code: 'F-01', name: 'one', kind: 'foot', squad: null, shifts_now: [], on_duty: true, devices } as unknown as Unit
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ items: [unit] }))))
}

describe('where a unit is', () => {
  beforeEach(clearUnits)

  it('is the newest fix of any of its devices, and an older one never takes it back', async () => {
    answer(carried('A', fix('2026-11-21T10:00:00Z', 1)), carried('B', fix('2026-11-21T10:00:05Z', 2)))
    await loadUnits()
    expect(placedUnits.value[0]).toMatchObject({ device: 'B', fix: { lat: 2 } })
    putFix({ device: 'A', fix: fix('2026-11-21T10:00:09Z', 3) })
    expect(placedUnits.value[0]).toMatchObject({ device: 'A', fix: { lat: 3 } })
    putFix({ device: 'A', fix: fix('2026-11-21T09:00:00Z', 4) })
    expect(placedUnits.value[0]?.fix.lat).toBe(3)
    await loadUnits() // an answer made before the stream's fix
    expect(placedUnits.value[0]?.fix.lat).toBe(3)
  })

  it('is nowhere when its place may not be shown any more', async () => {
    answer(carried('A', fix('2026-11-21T10:00:00Z', 1)))
    await loadUnits()
    answer(carried('A', null))
    await loadUnits()
    expect(placedUnits.value).toEqual([])
  })
})
