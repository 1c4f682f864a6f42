// Roads, wider the more of them there is to see, with their names close up.
import { places } from '../../state/site'
import { FONT, NOTHING, setData, type Layer } from '../layer'
import { shifted } from '../shift'

export const roads: Layer = {
  name: 'roads',
  add(map, palette) {
    map.addSource('roads', { type: 'geojson', data: NOTHING })
    const round = { 'line-cap': 'round', 'line-join': 'round' } as const
    map.addLayer({
      id: 'roads-casing',
      type: 'line',
      source: 'roads',
      layout: round,
      paint: {
        'line-color': palette.road_casing,
        'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 12, 2.4, 15, 5.5, 18, 18],
      },
    })
    map.addLayer({
      id: 'roads',
      type: 'line',
      source: 'roads',
      layout: round,
      paint: {
        'line-color': palette.road,
        'line-opacity': 0.85,
        'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 12, 1.1, 15, 3.2, 18, 14],
      },
    })
    map.addLayer({
      id: 'roads-name',
      type: 'symbol',
      source: 'roads',
      minzoom: 15,
      layout: {
        'symbol-placement': 'line',
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 12,
        'symbol-spacing': 320,
      },
      paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.4 },
    })
  },
  update(map) {
    setData(map, 'roads', shifted(places.roads))
  },
}
