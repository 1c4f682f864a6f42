// Must-reach points: small rings, with names close up.
import type { Feature, FeatureCollection, Position } from 'geojson'
import { places } from '../../state/site'
import { FONT, NOTHING, setData, type Layer } from '../layer'
import { shifted } from '../shift'

/** The polygons of those checkpoints that are no circles. */
export function borders(collection: FeatureCollection): FeatureCollection {
  const features = collection.features.flatMap((it): Feature[] => {
    const border = (it.properties as { border?: Position[] | null } | null)?.border
    return border ? [{ ...it, geometry: { type: 'Polygon', coordinates: [border] } }] : []
  })
  return { type: 'FeatureCollection', features }
}

export const checkpoints: Layer = {
  name: 'checkpoints',
  add(map, palette) {
    map.addSource('checkpoints', { type: 'geojson', data: NOTHING })
    map.addSource('checkpoint-borders', { type: 'geojson', data: NOTHING })
    map.addLayer({
      id: 'checkpoint-borders-fill',
      type: 'fill',
      source: 'checkpoint-borders',
      minzoom: 13,
      paint: { 'fill-color': palette.checkpoint, 'fill-opacity': 0.12 },
    })
    map.addLayer({
      id: 'checkpoint-borders',
      type: 'line',
      source: 'checkpoint-borders',
      minzoom: 13,
      paint: { 'line-color': palette.checkpoint, 'line-width': 1.2 },
    })
    map.addLayer({
      id: 'checkpoints',
      type: 'circle',
      source: 'checkpoints',
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 12, 1.6, 14, 2.8, 17, 7],
        'circle-color': palette.halo,
        'circle-stroke-color': palette.checkpoint,
        'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 12, 0.8, 15, 1.6],
      },
    })
    map.addLayer({
      id: 'checkpoints-name',
      type: 'symbol',
      source: 'checkpoints',
      minzoom: 15.6,
      layout: {
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 11,
        'text-offset': [0, 1.1],
        'text-anchor': 'top',
        'text-optional': true,
      },
      paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.4 },
    })
  },
  update(map) {
    setData(map, 'checkpoints', shifted(places.checkpoints))
    setData(map, 'checkpoint-borders', shifted(borders(places.checkpoints)))
  },
}
