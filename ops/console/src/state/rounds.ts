// Today's rounds and their points.
import { ref } from 'vue'
import { getAll } from '../api/client'
import type { Round, RoundPoint, Verdict } from '../api/types'

export const rounds = ref<Round[]>([])

export type PointState = Verdict | 'due'

export function stateOf(point: RoundPoint): PointState {
  return point.verdict ?? 'due'
}

/** Whether a round is over, runs now, or is still to come. */
export function phaseOf(round: Round, now_ms: number): 'over' | 'running' | 'ahead' {
  if (Date.parse(round.ends_at) <= now_ms) return 'over'
  return Date.parse(round.starts_at) <= now_ms ? 'running' : 'ahead'
}

export type DutyNews = Pick<RoundPoint, 'id' | 'state' | 'verdict' | 'reasons' | 'due_at' | 'met_at' | 'judged_at'>

/** News that came while a list was under way, which may be older than they are. */
let pending: [round: number, news: DutyNews][] = []

/** A point as it stands now; false when its round is not on this page. */
export function putDuty(round: number, news: DutyNews): boolean {
  if (fetching > 0) pending.push([round, news])
  return lay(round, news)
}

function lay(id: number, news: DutyNews): boolean {
  const round = rounds.value.find((it) => it.id === id)
  const point = round?.points.find((it) => it.id === news.id)
  if (!round || !point) return false
  if (news.judged_at && point.judged_at && Date.parse(news.judged_at) < Date.parse(point.judged_at)) return true
  const [was, is]: [PointState, PointState] = [stateOf(point), news.verdict ?? 'due']
  Object.assign(point, news)
  if (was !== is) {
    round.counts[was] = Math.max(0, round.counts[was] - 1)
    round.counts[is] = round.counts[is] + 1
  }
  return true
}

let fetching = 0
let asked = 0

/** Fetches today's rounds and lays the news of the meantime over them. */
export async function loadRounds(): Promise<void> {
  const mine = ++asked
  fetching += 1
  try {
    const found = await getAll<Round>('/api/rounds')
    if (mine !== asked) return
    rounds.value = found
    for (const [round, news] of pending) lay(round, news)
  } finally {
    fetching -= 1
    if (fetching === 0) pending = []
  }
}

export function clearRounds(): void {
  rounds.value = []
}
