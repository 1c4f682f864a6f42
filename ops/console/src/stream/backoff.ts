// How long to wait before the next attempt to connect.

const FIRST_MS = 500
const MOST_MS = 10_000 // an officer should never have to wait longer than that for a service that is back

/** Doubles with each failure in a row, and is spread so that all screens do not come back at once. */
export function backoff_ms(failures: number, random: () => number = Math.random): number {
  const full = Math.min(MOST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1))
  return full / 2 + (random() * full) / 2
}
