// A circle on the ground as a polygon, and how far apart two places are.
import type { Polygon } from 'geojson'

const EARTH_M = 6_371_008.8

/** 64 corners: the eye takes it for round, and its edge is within 0.2 % of the radius. */
export function circle(lon: number, lat: number, radius_m: number): Polygon {
  const dLat = ((radius_m / EARTH_M) * 180) / Math.PI
  const dLon = dLat / Math.cos((lat * Math.PI) / 180)
  const ring = Array.from({ length: 65 }, (_, step) => {
    const angle = (step / 64) * 2 * Math.PI
    return [lon + dLon * Math.cos(angle), lat + dLat * Math.sin(angle)]
  })
  return { type: 'Polygon', coordinates: [ring] }
}
