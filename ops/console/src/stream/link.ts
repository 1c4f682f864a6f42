// The connection to the stream: opens it, notices when it is dead, opens it again; what it carries is others' business.
import { backoff_ms } from './backoff'
import { Watchdog } from './watchdog'

const SILENCE_MS = 25_000 // the service says something every ten seconds; two are lost before this

export type LinkEvents = {
  /** The connection is gone; the next attempt is made at the time given. */
  closed: (again_at_ms: number) => void
  message: (type: string, data: string) => void
}

export class Link {
  private source: EventSource | undefined
  private watchdog: Watchdog | undefined
  private retry: ReturnType<typeof setTimeout> | undefined
  private failures = 0
  private readonly wake = () => this.hurry()

  constructor(
    private readonly url: string,
    private readonly types: readonly string[],
    private readonly events: LinkEvents,
  ) {}

  start(): void {
    window.addEventListener('online', this.wake)
    document.addEventListener('visibilitychange', this.wake)
    this.connect()
  }

  stop(): void {
    window.removeEventListener('online', this.wake)
    document.removeEventListener('visibilitychange', this.wake)
    this.drop()
  }

  /** Ends the connection that there is and makes another. */
  again(): void {
    this.drop()
    this.failures += 1
    const wait_ms = backoff_ms(this.failures)
    this.events.closed(Date.now() + wait_ms)
    this.retry = setTimeout(() => this.connect(), wait_ms)
  }

  private connect(): void {
    this.drop()
    const source = new EventSource(this.url)
    this.source = source
    this.watchdog = new Watchdog(SILENCE_MS, () => this.again())
    source.onopen = () => this.watchdog?.feed()
    // EventSource would retry by itself, at a pace of its own, and never after an answer that is not 200.
    source.onerror = () => {
      if (source === this.source) this.again()
    }
    for (const type of this.types)
      source.addEventListener(type, (event: MessageEvent<string>) => {
        if (source !== this.source) return
        this.watchdog?.feed()
        this.failures = 0
        this.events.message(type, event.data)
      })
  }

  private drop(): void {
    clearTimeout(this.retry)
    this.watchdog?.stop()
    this.source?.close()
    this.source = undefined
  }

  /** The network or the screen is back: no reason to wait out a long pause. */
  private hurry(): void {
    if (this.source === undefined && !document.hidden) {
      this.failures = 0
      this.connect()
    }
  }
}
