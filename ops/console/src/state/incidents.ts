// Open incidents.
import { computed, reactive } from 'vue'
import { api, getAll } from '../api/client'
import type { Incident, IncidentDetail, NewIncident } from '../api/types'
import { Merged } from './merge'

const rows = reactive(new Map<number, Incident>())

/** An incident has no time of change: how far it has come tells which version is newer. */
export function progress(incident: Incident): number {
  return Math.max(
    ...[
      incident.reported_at,
      incident.dispatched_at,
      incident.accepted_at,
      incident.arrived_at,
      incident.closed_at,
    ].map((at) => (at === null ? 0 : Date.parse(at))),
  )
}

const merged = new Merged<Incident>(
  (incident) => incident.id,
  (a, b) => progress(a) - progress(b),
  rows as Map<number, Incident>,
)

export const openIncidents = computed(() =>
  [...rows.values()].filter((it) => it.state !== 'closed').sort((a, b) => b.id - a.id),
)

export function putIncident(incident: Incident): void {
  merged.put(incident)
}

export async function loadIncidents(): Promise<void> {
  const mark = merged.mark()
  merged.replace(await getAll<Incident>('/api/incidents?limit=500'), mark)
}

export async function openIncident(incident: Omit<NewIncident, 'occurred_at'>): Promise<IncidentDetail> {
  const made = await api.post<IncidentDetail>('/api/incidents', incident)
  putIncident(made)
  return made
}

export async function dispatchIncident(id: number, unit: string | null): Promise<void> {
  putIncident(await api.post<IncidentDetail>(`/api/incidents/${id}/dispatch`, { unit }))
}

export async function closeIncident(id: number, note: string): Promise<void> {
  putIncident(await api.post<IncidentDetail>(`/api/incidents/${id}/close`, { note }))
}

export function clearIncidents(): void {
  merged.clear()
}
