import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { backoff_ms } from './backoff'
import { Link } from './link'

class FakeSource {
  static all: FakeSource[] = []
  onopen?: () => void
  onerror?: () => void
  closed = false
  private readonly listeners = new Map<string, (event: { data: string }) => void>()
  constructor(readonly url: string) {
    FakeSource.all.push(this)
  }
  addEventListener(type: string, told: (event: { data: string }) => void): void {
    this.listeners.set(type, told)
  }
  say(type: string, data: string): void {
    this.listeners.get(type)?.({ data })
  }
  close(): void {
    this.closed = true
  }
}

describe('the link', () => {
  let link: Link
  const said: string[] = []
  let losses = 0

  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('EventSource', FakeSource)
    FakeSource.all = []
    said.length = losses = 0
    link = new Link('/api/events', ['hello', 'alert'], {
      message: (type, data) => said.push(`${type} ${data}`),
      closed: () => (losses += 1),
    })
    link.start()
  })
  afterEach(() => {
    link.stop()
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })
  const last = (): FakeSource => {
    const found = FakeSource.all.at(-1)
    if (!found) throw new Error('no connection was made')
    return found
  }

  it('connects again after an error, and hears nothing more from the dead connection', () => {
    const first = last()
    first.say('hello', '1')
    first.onerror?.()
    expect(first.closed).toBe(true)
    first.say('alert', 'ghost')
    vi.advanceTimersByTime(600)
    expect(FakeSource.all).toHaveLength(2)
    last().say('hello', '2')
    expect(said).toEqual(['hello 1', 'hello 2'])
    expect(losses).toBe(1)
  })

  it('takes a silence of more than 25 s for a dead connection', () => {
    last().say('hello', '1')
    vi.advanceTimersByTime(24_000)
    last().say('alert', 'x')
    vi.advanceTimersByTime(24_000)
    expect(FakeSource.all).toHaveLength(1)
    vi.advanceTimersByTime(3_000)
    expect(FakeSource.all).toHaveLength(2)
  })

  it('does not wait out its pause when the network is back', () => {
    for (let round = 0; round < 6; round += 1) {
      last().onerror?.()
      if (round < 5) vi.advanceTimersByTime(10_000)
    }
    const before = FakeSource.all.length
    window.dispatchEvent(new Event('online'))
    expect(FakeSource.all).toHaveLength(before + 1)
  })

  it('is silent once it was stopped', () => {
    link.stop()
    vi.advanceTimersByTime(60_000)
    expect(FakeSource.all).toHaveLength(1)
  })
})

describe('the pause', () => {
  it('grows from a quarter of a second and never passes ten', () => {
    expect(backoff_ms(1, () => 0)).toBe(250)
    expect(backoff_ms(3, () => 1)).toBe(2000)
    expect(backoff_ms(50, () => 1)).toBe(10_000)
  })
})
