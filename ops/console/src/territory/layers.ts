// Map layers of the territory page: grids by grade, who is missing, what is wrong with the borders, what is picked.
import type { ExpressionSpecification } from 'maplibre-gl'
import type { FeatureCollection } from 'geojson'
import { FONT, NOTHING, setData, type Layer } from '../map/layer'
import { shifted } from '../map/shift'
import { ground, shown } from './state'

const BASE: ExpressionSpecification = ['to-boolean', ['get', 'base']]

const areas: Layer = {
  name: 'areas',
  add(map, palette) {
    map.addSource('areas', { type: 'geojson', data: NOTHING })
    map.addLayer({
      id: 'areas-fill',
      type: 'fill',
      source: 'areas',
      filter: BASE,
      paint: {
        'fill-color': [
          'match',
          ['coalesce', ['get', 'grade'], 0],
          1, palette.grid[1],
          2, palette.grid[2],
          3, palette.grid[3],
          4, palette.grid[4],
          palette.grid[0],
        ],
        'fill-opacity': palette.grid_opacity,
      },
    })
    map.addLayer({
      id: 'areas-line',
      type: 'line',
      source: 'areas',
      paint: {
        'line-color': ['case', BASE, palette.border, palette.border_strong],
        'line-width': ['case', BASE, 1, 2],
      },
    })
    map.addLayer({
      id: 'areas-vacant',
      type: 'line',
      source: 'areas',
      filter: ['to-boolean', ['get', 'vacant']],
      paint: { 'line-color': '#ff5b50', 'line-width': 2.4, 'line-dasharray': [2, 1.4], 'line-offset': 2 },
    })
  },
  update(map) {
    const vacant = new Set(ground.territory?.items.filter((it) => it.vacant.length > 0).map((it) => it.code))
    const grids = shifted(ground.grids)
    setData(map, 'areas', {
      ...grids,
      features: grids.features.map((it) => ({
        ...it,
        properties: { ...it.properties, vacant: vacant.has(String(it.properties?.code)) },
      })),
    })
  },
}

const flaws: Layer = {
  name: 'flaws',
  add(map) {
    map.addSource('flaws', { type: 'geojson', data: NOTHING })
    const colour: ExpressionSpecification = ['match', ['get', 'kind'], 'gap', '#ff3df2', 'overlap', '#ff9f40', '#ff5b50']
    map.addLayer({
      id: 'flaws-fill',
      type: 'fill',
      source: 'flaws',
      filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-color': colour, 'fill-opacity': 0.65 },
    })
    map.addLayer({
      id: 'flaws-line',
      type: 'line',
      source: 'flaws',
      filter: ['!=', ['geometry-type'], 'Point'],
      paint: { 'line-color': colour, 'line-width': 3 },
    })
    map.addLayer({
      id: 'flaws-point',
      type: 'circle',
      source: 'flaws',
      filter: ['==', ['geometry-type'], 'Point'],
      paint: { 'circle-color': colour, 'circle-radius': 7, 'circle-stroke-color': '#fff', 'circle-stroke-width': 1.5 },
    })
  },
  update(map) {
    setData(map, 'flaws', shifted((ground.flaws ?? NOTHING) as FeatureCollection))
  },
}

const picked: Layer = {
  name: 'picked',
  add(map, palette) {
    map.addSource('picked', { type: 'geojson', data: NOTHING })
    map.addLayer({
      id: 'picked-line',
      type: 'line',
      source: 'picked',
      paint: { 'line-color': palette.evidence, 'line-width': 4 },
    })
    // Borders of other divisions run along roads: they lie above them.
    map.addLayer({
      id: 'areas-border',
      type: 'line',
      source: 'areas',
      filter: ['!=', ['get', 'hierarchy'], 'patrol'],
      paint: { 'line-color': palette.evidence, 'line-width': 2.5, 'line-dasharray': [3, 1.5] },
    })
    map.addLayer({
      id: 'areas-name',
      type: 'symbol',
      source: 'areas',
      filter: BASE,
      minzoom: 13.5,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 12, 'text-padding': 3 },
      paint: { 'text-color': palette.label, 'text-halo-color': palette.halo, 'text-halo-width': 1.6 },
    })
  },
  update(map) {
    const features = ground.grids.features.filter((it) => it.properties?.code === shown.grid)
    setData(map, 'picked', shifted({ type: 'FeatureCollection', features }))
  },
}

export const TERRITORY_LAYERS: readonly Layer[] = [areas, flaws, picked]
