// How far a place can be trusted by its age: on foot one is 100 m further after 90 s, anywhere after five minutes.

export type Freshness = 'fresh' | 'ageing' | 'stale'

const AGEING_S = 90
const STALE_S = 300

export function freshness(age_s: number): Freshness {
  if (age_s <= AGEING_S) return 'fresh'
  return age_s <= STALE_S ? 'ageing' : 'stale'
}
