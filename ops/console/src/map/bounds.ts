// The rectangle around something, to zoom to.
import type { FeatureCollection, Geometry, Position } from 'geojson'
import { LngLatBounds } from 'maplibre-gl'

function* positions(geometry: Geometry): Generator<Position> {
  if (geometry.type === 'GeometryCollection') {
    for (const part of geometry.geometries) yield* positions(part)
    return
  }
  const flat = (geometry.coordinates as unknown[]).flat(Infinity) as number[]
  for (let index = 0; index + 1 < flat.length; index += 2) yield [flat[index] ?? 0, flat[index + 1] ?? 0]
}

/** Null when there is nothing. Positions are taken to have two numbers each. */
export function boundsOf(collection: FeatureCollection): LngLatBounds | null {
  const bounds = new LngLatBounds()
  for (const { geometry } of collection.features)
    for (const [lon, lat] of positions(geometry)) bounds.extend([lon ?? 0, lat ?? 0])
  return bounds.isEmpty() ? null : bounds
}
