// Hydrants by state: a letter for those that need somebody, a dot for the others.
import type { ExpressionSpecification } from 'maplibre-gl'
import { places } from '../../state/site'
import { FONT, NOTHING, setData, type Layer } from '../layer'
import { shifted } from '../shift'

const TROUBLE: ExpressionSpecification = ['in', ['get', 'state'], ['literal', ['low_pressure', 'knocked', 'silent']]]

export const hydrants: Layer = {
  name: 'hydrants',
  add(map, palette) {
    map.addSource('hydrants', { type: 'geojson', data: NOTHING })
    const colours = palette.hydrant
    map.addLayer({
      id: 'hydrants',
      type: 'circle',
      source: 'hydrants',
      minzoom: 12.5,
      paint: {
        'circle-radius': [
          'interpolate', ['linear'], ['zoom'],
          12, ['case', TROUBLE, 4, 1.4],
          14.5, ['case', TROUBLE, 6, 2.6],
          17, ['case', TROUBLE, 9, 6],
        ],
        'circle-color': [
          'match', ['get', 'state'],
          'fine', colours.fine,
          'low_pressure', colours.low_pressure,
          'knocked', colours.knocked,
          'silent', colours.silent,
          colours.untagged,
        ],
        'circle-stroke-color': palette.halo,
        'circle-stroke-width': 1,
      },
    })
    map.addLayer({
      id: 'hydrants-letter',
      type: 'symbol',
      source: 'hydrants',
      filter: TROUBLE,
      layout: {
        'text-field': ['match', ['get', 'state'], 'low_pressure', '↓', 'knocked', '!', '?'],
        'text-font': FONT,
        'text-size': 11,
        'text-allow-overlap': true,
      },
      paint: { 'text-color': palette.halo },
    })
  },
  update(map) {
    setData(map, 'hydrants', shifted(places.hydrants))
  },
}
