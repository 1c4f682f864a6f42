// Notices a silence: a cut cable and a laptop that slept close no connection.

export class Watchdog {
  private heard_ms: number
  private readonly timer: ReturnType<typeof setInterval>

  constructor(
    readonly limit_ms: number,
    private readonly bark: () => void,
    private readonly clock: () => number = Date.now,
    look_ms = 1000,
  ) {
    this.heard_ms = clock()
    this.timer = setInterval(() => this.look(), look_ms)
  }

  /** Something came. */
  feed(): void {
    this.heard_ms = this.clock()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private look(): void {
    if (this.clock() - this.heard_ms <= this.limit_ms) return
    this.feed()
    this.bark()
  }
}
