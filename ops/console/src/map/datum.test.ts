import { describe, expect, it } from 'vitest'
import { fromDatum, toDatum, type LonLat } from './datum'

const STATION: LonLat = [116.42079, 39.90105] // Beijing railway station, WGS-84

describe('shifted maps', () => {
  it('agree with the published pair for GCJ-02', () => {
    const [lon, lat] = toDatum(STATION, 'gcj02')
    expect(lon).toBeCloseTo(116.42703, 4)
    expect(lat).toBeCloseTo(39.90245, 4)
  })
  it('come back to within a centimetre', () => {
    for (const datum of ['wgs84', 'gcj02', 'bd09'] as const) {
      const [lon, lat] = fromDatum(toDatum(STATION, datum), datum)
      expect(Math.abs(lon - STATION[0])).toBeLessThan(1e-7)
      expect(Math.abs(lat - STATION[1])).toBeLessThan(1e-7)
    }
  })
  it('leave the rest of the world alone', () => {
    expect(toDatum([2.35, 48.86], 'gcj02')).toEqual([2.35, 48.86])
  })
})
