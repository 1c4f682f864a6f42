// What the link to the service is like, in the terms in which the screen says it.
import { computed, reactive } from 'vue'
import { now_ms } from './clock'

export const link = reactive({
  /** connecting: for the first time; live: fetched and streaming; lost: waiting for the next attempt. */
  phase: 'connecting' as 'connecting' | 'fetching' | 'live' | 'lost' | 'outdated',
  lost_at_ms: 0,
  again_at_ms: 0,
  /** What the last heartbeat said; null is not known. */
  database: true,
  looked_s: null as number | null,
  ingest_s: null as number | null,
  rules_s: null as number | null,
  /** Times that the open state was fetched after a connection. */
  fetched: 0,
})

const BEHIND_S = 15 // ingest and rules show life each second; a slow batch stays below this

export type LinkWord = 'live' | 'database' | 'ingest' | 'rules' | 'connecting' | 'fetching' | 'lost' | 'outdated'

export const linkWord = computed<LinkWord>(() => {
  if (link.phase !== 'live') return link.phase
  if (!link.database || (link.looked_s ?? 0) > BEHIND_S) return 'database'
  if ((link.ingest_s ?? 0) > BEHIND_S) return 'ingest'
  return (link.rules_s ?? 0) > BEHIND_S ? 'rules' : 'live'
})

/** Seconds since the connection was lost. */
export const lostFor_s = computed(() => {
  void now_ms.value // the clock that makes this tick
  return link.phase === 'live' || link.lost_at_ms === 0 ? 0 : Math.max(0, (Date.now() - link.lost_at_ms) / 1000)
})
