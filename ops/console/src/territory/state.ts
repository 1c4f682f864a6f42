// What the page of the territory shows: the grids of one division, their flaws, and the one that is picked.
import type { FeatureCollection } from 'geojson'
import { reactive, shallowReactive } from 'vue'
import { api } from '../api/client'
import type { FlawCollection, Territory } from '../api/types'
import { NOTHING } from '../map/layer'

/** Not deeply reactive: it changes as a whole or not at all. */
export const ground = shallowReactive({
  grids: NOTHING as FeatureCollection,
  flaws: null as FlawCollection | null,
  territory: null as Territory | null,
})

export const shown = reactive({
  hierarchy: 'patrol',
  grid: null as string | null, // code of the one that is picked
  flaw: null as number | null, // place in the list of flaws
})

let asked = 0

/** Everything the page needs, of the division that is chosen. */
export async function loadTerritory(): Promise<void> {
  const mine = ++asked
  const of = `?hierarchy=${encodeURIComponent(shown.hierarchy)}`
  const [grids, flaws, territory] = await Promise.all([
    api.get<FeatureCollection>(`/api/grids${of}`),
    api.get<FlawCollection>(`/api/territory/topology${of}`),
    api.get<Territory>('/api/territory'),
  ])
  if (mine === asked) Object.assign(ground, { grids, flaws, territory })
}
