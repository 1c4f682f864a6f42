// The roster as the service has it: the matrix of grids and slots, leave, custody; and what changes them.
import { reactive, shallowReactive } from 'vue'
import { api, getAll } from '../api/client'
import type { Custody, CustodyChanged, Leave, LeaveChanged, Post, PostList, RosterMatrix } from '../api/types'
import { day } from '../i18n/format'

/** What is looked at: `date` is the site's, such as 2026-11-21; empty is today. */
export const view = reactive({ date: '', week: false, community: '' })

export const roster = shallowReactive({
  matrix: null as RosterMatrix | null,
  leaves: [] as Leave[],
  posts: [] as Post[],
  custody: [] as Custody[],
})

const WEEK_SLOT_H = 6 // 28 columns fit on a landscape page
const DAY_SLOT_H = 2

export async function loadMatrix(): Promise<void> {
  const question = new URLSearchParams({
    days: view.week ? '7' : '1',
    slot_h: String(view.week ? WEEK_SLOT_H : DAY_SLOT_H),
  })
  if (view.date !== '') question.set('day', view.date)
  roster.matrix = await api.get<RosterMatrix>(`/api/roster?${question}`)
}

export async function loadPeople(): Promise<void> {
  const since = encodeURIComponent(new Date(Date.now() - 7 * 86_400_000).toISOString())
  const [posts, leaves, custody] = await Promise.all([
    api.get<PostList>('/api/posts'),
    getAll<Leave>(`/api/leaves?since=${since}`),
    getAll<Custody>(`/api/custody?since=${encodeURIComponent(new Date().toISOString())}`),
  ])
  Object.assign(roster, { posts: posts.items, leaves, custody })
}

export interface NewLeave {
  post: string
  kind: Leave['kind']
  valid_from: string
  valid_to: string | null
  cover: string | null
  note: string
}

export const addLeave = (leave: NewLeave): Promise<LeaveChanged> => api.post<LeaveChanged>('/api/leaves', leave)

/** With null there never was such a leave. */
export const withdrawLeave = (id: number, at: string | null): Promise<LeaveChanged> =>
  api.post<LeaveChanged>(`/api/leaves/${id}/withdraw`, { at })

export const coverLeave = (id: number, cover: string | null): Promise<LeaveChanged> =>
  api.post<LeaveChanged>(`/api/leaves/${id}/cover`, { cover })

export const handOver = (device: string, holder: string): Promise<CustodyChanged> =>
  api.post<CustodyChanged>('/api/custody/give', { device, holder, hand_over: true })

export const takeBack = (device: string): Promise<CustodyChanged> =>
  api.post<CustodyChanged>('/api/custody/take', { device })

/** The date so many days later, such as 2026-11-22. */
export function shifted(date: string, days: number): string {
  const from = date === '' ? day(Date.now()) : date
  return new Date(Date.parse(`${from}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}
