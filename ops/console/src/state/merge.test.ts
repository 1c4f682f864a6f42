import { describe, expect, it } from 'vitest'
import { Merged, byTime } from './merge'

type Row = { id: number; at: string; state?: string }
const make = (): [Map<number, Row>, Merged<Row>] => {
  const rows = new Map<number, Row>()
  return [rows, new Merged<Row>((row) => row.id, byTime((row) => row.at), rows)]
}
const T1 = '2026-11-21T10:00:00.000001Z'
const T2 = '2026-11-21T10:00:00.000002Z'
const T3 = '2026-11-21T10:00:01Z'

describe('rows from a list and from the stream', () => {
  it('keeps the newer version, whichever comes first', () => {
    const [rows, merged] = make()
    merged.put({ id: 1, at: T2, state: 'acknowledged' })
    merged.put({ id: 1, at: T1, state: 'open' })
    expect(rows.get(1)?.state).toBe('acknowledged')
    merged.replace([{ id: 1, at: T1, state: 'open' }], merged.mark())
    expect(rows.get(1)?.state).toBe('acknowledged')
    merged.replace([{ id: 1, at: T3, state: 'resolved' }], merged.mark())
    expect(rows.get(1)?.state).toBe('resolved')
  })

  it('drops what a list lacks', () => {
    const [rows, merged] = make()
    merged.put({ id: 1, at: T1 })
    merged.put({ id: 2, at: T1 })
    merged.replace([{ id: 2, at: T1 }], merged.mark())
    expect([...rows.keys()]).toEqual([2])
  })

  it('keeps what the stream brought while the list was under way', () => {
    const [rows, merged] = make()
    const mark = merged.mark()
    merged.put({ id: 3, at: T2 })
    merged.replace([], mark)
    expect([...rows.keys()]).toEqual([3])
  })

  it('does not open again what ended while the list was under way', () => {
    const [rows, merged] = make()
    merged.replace([{ id: 1, at: T1, state: 'open' }], merged.mark())
    const mark = merged.mark()
    merged.put({ id: 1, at: T3, state: 'resolved' })
    merged.replace([{ id: 1, at: T1, state: 'open' }], mark)
    expect(rows.get(1)?.state).toBe('resolved')
  })

  it('gives the same picture for every order in which one list and the news of its time arrive', () => {
    const list: Row[] = [
      { id: 1, at: T1, state: 'open' },
      { id: 2, at: T2, state: 'open' },
    ]
    const news: Row[] = [
      { id: 1, at: T3, state: 'resolved' },
      { id: 2, at: T1, state: 'older' },
      { id: 3, at: T3, state: 'open' },
    ]
    const pictures = [0, 1, 2, 3].map((cut) => {
      const [rows, merged] = make()
      const mark = merged.mark()
      for (const row of news.slice(0, cut)) merged.put(row)
      merged.replace(list, mark)
      for (const row of news.slice(cut)) merged.put(row)
      return [...rows.values()].sort((a, b) => a.id - b.id)
    })
    for (const picture of pictures) expect(picture).toEqual(pictures[0])
    expect(pictures[0]?.map((it) => it.state)).toEqual(['resolved', 'open', 'open'])
  })
})
