// Alerts that are open or acknowledged, and the few that ended while this page was open.
import { computed, reactive } from 'vue'
import { api, getAll } from '../api/client'
import type { Alert, AlertDetail, Severity } from '../api/types'
import { Merged, byTime } from './merge'

export const RANK: Record<Severity, number> = { critical: 3, high: 2, warning: 1, info: 0 }

const rows = reactive(new Map<number, Alert>())
const merged = new Merged<Alert>(
  (alert) => alert.id,
  byTime((alert) => alert.changed_at),
  rows as Map<number, Alert>,
)

export type AlertNews = { alert: Alert; before: Alert | undefined }
const listeners = new Set<(news: AlertNews) => void>()

/** Told of each alert that is new to this page, or changed, whether a list or the stream brought it. */
export function onAlert(told: (news: AlertNews) => void): void {
  listeners.add(told)
}

function order(a: Alert, b: Alert): number {
  return RANK[b.severity] - RANK[a.severity] || Date.parse(b.opened_at) - Date.parse(a.opened_at) || b.id - a.id
}

export const openAlerts = computed(() => [...rows.values()].filter((it) => it.state === 'open').sort(order))
export const ackedAlerts = computed(() => [...rows.values()].filter((it) => it.state === 'acknowledged').sort(order))
/** In the order in which the list shows them. */
export const listedAlerts = computed(() => [...openAlerts.value, ...ackedAlerts.value])

export function alertById(id: number): Alert | undefined {
  return rows.get(id)
}

export function putAlert(alert: Alert): void {
  const before = merged.get(alert.id)
  merged.put(alert)
  const held = merged.get(alert.id)
  if (held !== undefined && held.changed_at !== before?.changed_at)
    for (const told of listeners) told({ alert: held, before })
}

/** Fetches what is not resolved and lays it under what the stream said meanwhile. */
export async function loadAlerts(): Promise<void> {
  const mark = merged.mark()
  const known = new Map(rows)
  const found = await getAll<Alert>('/api/alerts?limit=500')
  merged.replace(found, mark)
  for (const alert of found) {
    const held = merged.get(alert.id)
    if (held !== undefined && known.get(alert.id)?.changed_at !== held.changed_at)
      for (const told of listeners) told({ alert: held, before: known.get(alert.id) })
  }
}

export async function readAlert(id: number): Promise<AlertDetail> {
  const detail = await api.get<AlertDetail>(`/api/alerts/${id}`)
  putAlert(detail)
  return detail
}

export async function acknowledge(id: number): Promise<AlertDetail> {
  const detail = await api.post<AlertDetail>(`/api/alerts/${id}/ack`)
  putAlert(detail)
  return detail
}

export async function resolve(id: number, note: string): Promise<AlertDetail> {
  const detail = await api.post<AlertDetail>(`/api/alerts/${id}/resolve`, { note })
  putAlert(detail)
  return detail
}

export function clearAlerts(): void {
  merged.clear()
}
