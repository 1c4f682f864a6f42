// Whole GeoJSON collections in the datum of the map's tiles; the same object when nothing is shifted.
import type { FeatureCollection, Geometry, Position } from 'geojson'
import { site } from '../state/site'
import { toDatum, type LonLat } from './datum'

export function place(lon: number, lat: number): LonLat {
  return toDatum([lon, lat], site.tiles_datum)
}

function moved(position: Position): Position {
  const [lon, lat] = position
  return lon === undefined || lat === undefined ? position : place(lon, lat)
}

function movedGeometry(geometry: Geometry): Geometry {
  switch (geometry.type) {
    case 'Point':
      return { ...geometry, coordinates: moved(geometry.coordinates) }
    case 'LineString':
    case 'MultiPoint':
      return { ...geometry, coordinates: geometry.coordinates.map(moved) }
    case 'Polygon':
    case 'MultiLineString':
      return { ...geometry, coordinates: geometry.coordinates.map((ring) => ring.map(moved)) }
    case 'MultiPolygon':
      return { ...geometry, coordinates: geometry.coordinates.map((one) => one.map((ring) => ring.map(moved))) }
    case 'GeometryCollection':
      return { ...geometry, geometries: geometry.geometries.map(movedGeometry) }
  }
}

export function shifted(collection: FeatureCollection): FeatureCollection {
  if (site.tiles_datum === 'wgs84') return collection
  return {
    ...collection,
    features: collection.features.map((it) => ({ ...it, geometry: movedGeometry(it.geometry) })),
  }
}
