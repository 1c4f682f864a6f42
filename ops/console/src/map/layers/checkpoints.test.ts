import { describe, expect, it } from 'vitest'
import type { Feature, FeatureCollection } from 'geojson'
import { borders } from './checkpoints'

describe('checkpoints', () => {
  it('have a border when they are polygons', () => {
    const ring = [[111, 30], [111.001, 30], [111, 30.001], [111, 30]]
    const point = (code: string, border: number[][] | null): Feature => ({
      type: 'Feature',
      geometry: { type: 'Point', coordinates: [111, 30] },
      properties: { code, border },
    })
    const all: FeatureCollection = {
      type: 'FeatureCollection',
      features: [point('K-1', ring), point('K-2', null)],
    }
    const found = borders(all)
    expect(found.features.map((it): unknown => it.properties?.code)).toEqual(['K-1'])
    expect(found.features[0]?.geometry).toEqual({ type: 'Polygon', coordinates: [ring] })
  })
})
