// What was clicked on the map, and whether the next click says where an incident is.
import { shallowReactive } from 'vue'

export type Picked = { unit?: string; incident?: number }

export const picked = shallowReactive<Picked & { placing: boolean; place: { lat: number; lon: number } | null }>({
  unit: undefined,
  incident: undefined,
  placing: false,
  place: null,
})

export function pick(what: Picked): void {
  Object.assign(picked, { unit: undefined, incident: undefined, ...what })
}
