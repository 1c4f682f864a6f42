// The territory: base grids coloured by grade, borders of the grids above and of the town, names.
import type { ExpressionSpecification } from 'maplibre-gl'
import { places } from '../../state/site'
import { FONT, NOTHING, setData, type Layer } from '../layer'
import { shifted } from '../shift'

const SOURCE = 'grids'
const BASE: ExpressionSpecification = ['to-boolean', ['get', 'base']] // whatever its level: no other lies below it

export const grids: Layer = {
  name: 'grids',
  add(map, palette) {
    map.addSource(SOURCE, { type: 'geojson', data: NOTHING })
    const colour: ExpressionSpecification = [
      'match',
      ['coalesce', ['get', 'grade'], 0],
      1, palette.grid[1],
      2, palette.grid[2],
      3, palette.grid[3],
      4, palette.grid[4],
      palette.grid[0],
    ]
    const above: ExpressionSpecification = ['all', ['!', BASE], ['>', ['get', 'level'], 1]]
    const top: ExpressionSpecification = ['all', ['!', BASE], ['==', ['get', 'level'], 1]]
    map.addLayer({
      id: 'grids-fill',
      type: 'fill',
      source: SOURCE,
      filter: BASE,
      paint: { 'fill-color': colour, 'fill-opacity': palette.grid_opacity },
    })
    map.addLayer({
      id: 'grids-line',
      type: 'line',
      source: SOURCE,
      filter: BASE,
      paint: { 'line-color': palette.border, 'line-width': 0.8, 'line-opacity': 0.8 },
    })
    map.addLayer({
      id: 'grids-community',
      type: 'line',
      source: SOURCE,
      filter: above,
      paint: { 'line-color': palette.border_strong, 'line-width': 1.6, 'line-dasharray': [4, 2] },
    })
    map.addLayer({
      id: 'grids-town',
      type: 'line',
      source: SOURCE,
      filter: top,
      paint: { 'line-color': palette.border_strong, 'line-width': 2.4 },
    })
  },
  update(map) {
    setData(map, SOURCE, shifted(places.grids))
  },
}

/** Names lie above everything else that is painted. */
export const gridNames: Layer = {
  name: 'grid names',
  add(map, palette) {
    const paint = { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.6 }
    map.addLayer({
      id: 'grids-community-name',
      type: 'symbol',
      source: SOURCE,
      maxzoom: 15.2,
      filter: ['all', ['!', BASE], ['>', ['get', 'level'], 1]],
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 15, 'text-padding': 6 },
      paint,
    })
    map.addLayer({
      id: 'grids-name',
      type: 'symbol',
      source: SOURCE,
      minzoom: 15.2,
      filter: BASE,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 13, 'text-padding': 4 },
      paint,
    })
  },
  update() {
    // drawn from the same source as the grids
  },
}
