// What does not move: the territory, roads, checkpoints, hydrants, and how the site names its hours.
import type { FeatureCollection } from 'geojson'
import { reactive, shallowReactive, shallowRef } from 'vue'
import { api } from '../api/client'
import type { Site } from '../api/types'
import type { Datum } from '../map/datum'
import { hearTime } from './clock'

export const site = reactive({
  zone: 'Asia/Shanghai',
  version: '',
  tiles: null as string | null,
  tiles_datum: 'wgs84' as Datum,
  attribution: null as string | null,
})

export async function loadSite(): Promise<void> {
  const said = await api.get<Site>('/api/site')
  hearTime(said.time)
  const { tiles, tiles_datum, attribution } = said.map
  Object.assign(site, { zone: said.zone, version: said.version, tiles, tiles_datum, attribution })
}

const EMPTY: FeatureCollection = { type: 'FeatureCollection', features: [] }

/** Not deeply reactive: thousands of coordinates that change as a whole or not at all. */
export const places = shallowReactive({
  grids: EMPTY,
  roads: EMPTY,
  checkpoints: EMPTY,
  hydrants: EMPTY,
})

export const gridNames = shallowRef(new Map<string, string>())
export const checkpointNames = shallowRef(new Map<string, string>())

function names(collection: FeatureCollection): Map<string, string> {
  const found = new Map<string, string>()
  for (const { properties } of collection.features) {
    const { code, name } = (properties ?? {}) as { code?: unknown; name?: unknown }
    if (typeof code === 'string' && typeof name === 'string') found.set(code, name)
  }
  return found
}

/** A grid's name, or its code while the name is unknown. */
export function gridName(code: string | null): string {
  return code === null ? '' : (gridNames.value.get(code) ?? code)
}

export function checkpointName(code: string): string {
  return checkpointNames.value.get(code) ?? code
}

export async function loadGrids(): Promise<void> {
  places.grids = await api.get<FeatureCollection>('/api/grids')
  gridNames.value = names(places.grids)
}

export async function loadRoads(): Promise<void> {
  places.roads = await api.get<FeatureCollection>('/api/roads')
}

export async function loadCheckpoints(): Promise<void> {
  places.checkpoints = await api.get<FeatureCollection>('/api/checkpoints')
  checkpointNames.value = names(places.checkpoints)
}


let hydrantNews = 0

export async function loadHydrants(): Promise<void> {
  const news = hydrantNews
  const found = await api.get<FeatureCollection>('/api/hydrants')
  if (news === hydrantNews) places.hydrants = found
  else await loadHydrants() // something was said meanwhile that this list may lack; it is rare
}

/** What a hydrant's tag says now. */
export function putHydrant(code: string, said: Record<string, unknown>): void {
  hydrantNews += 1
  places.hydrants = {
    ...places.hydrants,
    features: places.hydrants.features.map((it) =>
      it.properties?.code === code ? { ...it, properties: { ...it.properties, ...said } } : it,
    ),
  }
}
