// Open tickets.
import { computed, reactive } from 'vue'
import { getAll } from '../api/client'
import type { Ticket } from '../api/types'
import { Merged } from './merge'

const rows = reactive(new Map<number, Ticket>())

/** A ticket changes once: it closes. */
const merged = new Merged<Ticket>(
  (ticket) => ticket.id,
  (a, b) => Number(a.state === 'closed') - Number(b.state === 'closed'),
  rows as Map<number, Ticket>,
)

const END = '9999' // without a time it is due after all that have one

export const openTickets = computed(() =>
  [...rows.values()]
    .filter((it) => it.state === 'open')
    .sort((a, b) => (a.due_at ?? END).localeCompare(b.due_at ?? END) || b.id - a.id),
)

export function putTicket(ticket: Ticket): void {
  merged.put(ticket)
}

export async function loadTickets(): Promise<void> {
  const mark = merged.mark()
  merged.replace(await getAll<Ticket>('/api/tickets?limit=500'), mark)
}

export function clearTickets(): void {
  merged.clear()
}
