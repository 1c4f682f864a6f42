// Which alert is selected in the list, which one is open in the drawer, and what the map shows of it.
import { shallowReactive } from 'vue'
import { ApiError } from '../api/client'
import type { AlertDetail } from '../api/types'
import { alertById, listedAlerts, readAlert } from './alerts'

export const selection = shallowReactive<{
  id: number | null
  /** Detail of the opened alert. */
  alert: AlertDetail | null
  opened: boolean
  failed: string
  gone: boolean
}>({ id: null, alert: null, opened: false, failed: '', gone: false })

/** Moves the selection in the list by a number of rows. */
export function moveSelection(by: number): void {
  const ids = listedAlerts.value.map((it) => it.id)
  const at = selection.id === null ? -1 : ids.indexOf(selection.id)
  const next = at < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, at + by))
  const id = ids[next]
  if (id === undefined) return
  if (selection.opened) void openAlert(id)
  else selection.id = id
}

/** After an alert has left the list: the one that took its row. */
export function selectNear(row: number): void {
  const rows = listedAlerts.value
  selection.id = rows[Math.min(row, rows.length - 1)]?.id ?? null
}

export function rowOf(id: number | null): number {
  return listedAlerts.value.findIndex((it) => it.id === id)
}

export function show(detail: AlertDetail): void {
  selection.alert = detail
}

export async function openAlert(id: number): Promise<void> {
  Object.assign(selection, { id, opened: true, failed: '', gone: false })
  if (selection.alert?.id !== id) Object.assign(selection, { alert: null })
  await refreshOpened()
}

/** Reads the opened alert again; an answer that comes after another was opened is dropped. */
export async function refreshOpened(): Promise<void> {
  const id = selection.id
  if (id === null || !selection.opened) return
  try {
    const detail = await readAlert(id)
    if (selection.id === id) show(detail)
  } catch (error) {
    if (selection.id !== id) return
    selection.gone = error instanceof ApiError && error.status === 404
    selection.failed = error instanceof Error ? error.message : String(error)
  }
}

export function closeOpened(): void {
  Object.assign(selection, { opened: false, alert: null, failed: '', gone: false })
  if (selection.id !== null && alertById(selection.id)?.state === 'resolved') selection.id = null
}
