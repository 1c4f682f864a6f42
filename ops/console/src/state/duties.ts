// The duties of a day, those that the page Duties lists, and the one that is opened there.
import { reactive, ref, shallowReactive } from 'vue'
import { api, ApiError } from '../api/client'
import type { Duty, DutyDetail, Objection, Verdict } from '../api/types'
import { problem } from '../reasons/problem'
import { loadObjections } from './fairness'

export type Kind = 'all' | 'against' | 'waived'

/** What each choice asks for; `against` is what says something against somebody. */
const VERDICTS: Record<Kind, Verdict[]> = {
  all: [],
  against: ['missed', 'in_doubt', 'late', 'early'],
  waived: ['waived'],
}

/** All states but superseded, in which a corrected plan or correction has put another duty in its place. */
const COUNTS: Duty['state'][] = ['planned', 'open', 'waiting', 'provisional', 'final']

export const wanted = reactive<{ day: string; kind: Kind; unit: string; superseded: boolean }>({
  day: '',
  kind: 'all',
  unit: '',
  superseded: false,
})
export const duties = ref<Duty[]>([])
export const more = ref<string | null>(null)
export const opened = shallowReactive<{ id: number | null; duty: DutyDetail | null; failed: string }>({
  id: null,
  duty: null,
  failed: '',
})
/** Counts up with each news about a duty. */
export const dutyNews = ref(0)

function path(after: string | null): string {
  const query = new URLSearchParams({ limit: '200' })
  if (wanted.day !== '') query.set('day', wanted.day)
  if (wanted.unit !== '') query.set('unit', wanted.unit)
  for (const verdict of VERDICTS[wanted.kind]) query.append('verdict', verdict)
  if (!wanted.superseded) for (const state of COUNTS) query.append('state', state)
  if (after !== null) query.set('after', after)
  return `/api/duties?${query.toString()}`
}

let asked = 0

/** Fetches the first page anew, or the next one behind those that are there. */
export async function loadDuties(next = false): Promise<void> {
  const mine = ++asked
  const page = await api.get<{ items: Duty[]; next: string | null }>(path(next ? more.value : null))
  if (mine !== asked) return
  duties.value = next ? [...duties.value, ...page.items] : page.items
  more.value = page.next
}

export async function openDuty(id: number): Promise<void> {
  Object.assign(opened, { id, failed: '' })
  if (opened.duty?.id !== id) opened.duty = null
  await refreshDuty()
}

/** Reads the opened duty again; an answer that comes after another was opened is dropped. */
export async function refreshDuty(): Promise<void> {
  const id = opened.id
  if (id === null) return
  try {
    put(await api.get<DutyDetail>(`/api/duties/${id}`))
  } catch (error) {
    if (opened.id === id) opened.failed = error instanceof ApiError && error.status === 404 ? 'gone' : problem(error)
  }
}

export function closeDuty(): void {
  Object.assign(opened, { id: null, duty: null, failed: '' })
}

export function clearDuties(): void {
  duties.value = []
  more.value = null
  closeDuty()
}

function put(detail: DutyDetail): void {
  if (opened.id === detail.id) opened.duty = detail
  duties.value = duties.value.map((it) => (it.id === detail.id ? detail : it))
}

export async function waive(id: number, why: string): Promise<void> {
  put(await api.post<DutyDetail>(`/api/duties/${id}/waive`, { why }))
}

export async function unwaive(id: number): Promise<void> {
  put(await api.post<DutyDetail>(`/api/duties/${id}/unwaive`))
}

export async function objectTo(id: number, text: string): Promise<void> {
  put(await api.post<DutyDetail>(`/api/duties/${id}/objections`, { text }))
  await loadObjections()
}

export type Answer = { state: 'upheld' | 'rejected'; remedy: 'waived' | 'corrected' | null; answer: string }

/** After an objection has changed, the duty under it and the counts above it are read again. */
async function changed(found: Objection): Promise<void> {
  await Promise.all([loadObjections(), opened.id === found.duty ? refreshDuty() : undefined])
}

export async function answer(id: number, said: Answer): Promise<void> {
  await changed(await api.post<Objection>(`/api/objections/${id}/answer`, said))
}

export async function withdraw(id: number): Promise<void> {
  await changed(await api.post<Objection>(`/api/objections/${id}/withdraw`))
}

/** Notes that the answers among these objections were seen by whoever made them. */
export async function seeAnswers(of: readonly Objection[], account: string): Promise<void> {
  const fresh = of.filter((it) => it.account === account && it.answer !== null && it.seen_at === null)
  for (const it of fresh) await api.post<Objection>(`/api/objections/${it.id}/seen`)
  if (fresh.length > 0) await loadObjections()
}
