import { describe, expect, it } from 'vitest'
import type { FeatureCollection } from 'geojson'
import { borders } from './checkpoints'

describe('checkpoints', () => {
  it('have a border when they are polygons', () => {
    const ring = [[111, 30], [111.001, 30], [111, 30.001], [111, 30]]
    const point = { type: 'Feature', geometry: { type: 'Point', coordinates: [111, 30] } } as const
    const all: FeatureCollection = {
      type: 'FeatureCollection',
      features: [
        { ...point, properties: { code: 'K-1', border: ring } },
        { ...point, properties: { code: 'K-2', border: null } },
      ],
    }
    const found = borders(all)
    expect(found.features.map((it) => it.properties?.code)).toEqual(['K-1'])
    expect(found.features[0]?.geometry).toEqual({ type: 'Polygon', coordinates: [ring] })
  })
})
