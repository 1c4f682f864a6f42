import { describe, expect, it, vi } from 'vitest'
import { loadRounds, phaseOf, putDuty, rounds, stateOf, type DutyNews } from './rounds'

const point = { id: 7, rule: 'missed_checkpoint', checkpoint: 'CP-1', name: null, lat: null, lon: null, radius_m: null, grid: null,
  state: 'open', verdict: null, reasons: [], opens_at: '', due_at: '', met_at: null, judged_at: null }
const list = {
  day: '2026-11-21', next: null,
  items: [{ id: 1, starts_at: '2026-11-21T10:00:00Z', ends_at: '2026-11-21T12:00:00Z', points: [point],
    counts: { early: 0, met: 0, late: 0, missed: 0, in_doubt: 0, waived: 0, due: 1 } }],
}
const news = (over: Partial<DutyNews>): DutyNews => ({
  id: 7, state: 'provisional', verdict: 'missed', reasons: [], due_at: '', met_at: null, judged_at: '2026-11-21T12:10:00Z', ...over,
})
const serve = (wait: Promise<unknown> = Promise.resolve()): void =>
  void vi.stubGlobal('fetch', () => wait.then(() => new Response(JSON.stringify(list))))

describe('rounds', () => {
  it('take a new verdict and keep count', async () => {
    serve()
    await loadRounds()
    expect(putDuty(1, news({}))).toBe(true)
    expect(rounds.value[0]?.counts).toMatchObject({ due: 0, missed: 1 })
    putDuty(1, news({ verdict: 'met', judged_at: '2026-11-21T12:20:00Z' }))
    putDuty(1, news({ verdict: 'missed' })) // an older judgement that came late
    expect(rounds.value[0]?.points.map(stateOf)).toEqual(['met'])
  })

  it('say when a point is unknown, so that the list is fetched', () => {
    expect(putDuty(99, news({}))).toBe(false)
  })

  it('lay the news that came while a list was under way over it', async () => {
    let release: (value: unknown) => void = () => undefined
    serve(new Promise((resolve) => (release = resolve)))
    const loading = loadRounds()
    putDuty(1, news({ verdict: 'late' }))
    release(undefined)
    await loading
    expect(rounds.value[0]?.points.map(stateOf)).toEqual(['late'])
  })

  it('are over, running or ahead', () => {
    const at = (time: string) => phaseOf(list.items[0] as unknown as (typeof rounds.value)[number], Date.parse(time))
    expect([at('2026-11-21T09:59:59Z'), at('2026-11-21T10:00:00Z'), at('2026-11-21T12:00:00Z')]).toEqual(['ahead', 'running', 'over'])
  })
})
