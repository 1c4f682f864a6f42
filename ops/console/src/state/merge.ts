// How rows from a list and rows from the stream become one picture, whichever comes first.

/** Says which of two versions of one row is newer: greater than zero when `a` is. */
export type Newer<T> = (a: T, b: T) => number

/**
 * Rows by id, the newest version of each.
 *
 * A list is a picture of the moment at which it was asked for; the stream goes on while it is under way. So a row that
 * the stream touched after the list was asked for stays as the stream said, and a row that the list lacks goes only
 * when the stream has not touched it since.
 */
export class Merged<T, K extends string | number = number> {
  private readonly rows: Map<K, T>
  private readonly touched = new Map<K, number>()
  private step = 0

  constructor(
    private readonly idOf: (row: T) => K,
    private readonly newer: Newer<T>,
    rows = new Map<K, T>(),
  ) {
    this.rows = rows
  }

  /** To be taken before a list is asked for, and handed to `replace` with it. */
  mark(): number {
    return this.step
  }

  /** One row from the stream, or from an answer to an act; whether it was news. */
  put(row: T): boolean {
    const id = this.idOf(row)
    const held = this.rows.get(id)
    if (held !== undefined && this.newer(held, row) > 0) return false
    this.step += 1
    this.touched.set(id, this.step)
    this.rows.set(id, row)
    return held === undefined
  }

  /** A whole list that was asked for at `mark`. */
  replace(rows: readonly T[], mark: number): void {
    const listed = new Set<K>()
    for (const row of rows) {
      const id = this.idOf(row)
      listed.add(id)
      const held = this.rows.get(id)
      if (held === undefined || this.newer(held, row) <= 0) this.rows.set(id, row)
    }
    for (const id of [...this.rows.keys()]) {
      if (!listed.has(id) && (this.touched.get(id) ?? 0) <= mark) {
        this.rows.delete(id)
        this.touched.delete(id)
      }
    }
  }

  get(id: K): T | undefined {
    return this.rows.get(id)
  }

  clear(): void {
    this.rows.clear()
    this.touched.clear()
  }
}

/** Newer by a time in RFC 3339, UTC; text of unequal precision is compared as a time. */
export function byTime<T>(timeOf: (row: T) => string): Newer<T> {
  return (a, b) => {
    const [left, right] = [timeOf(a), timeOf(b)]
    if (left === right) return 0
    // Beyond milliseconds Date is blind, and two changes within one are told apart by their text.
    return Date.parse(left) - Date.parse(right) || (left > right ? 1 : -1)
  }
}
