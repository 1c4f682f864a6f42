// Symbols that are HTML: they carry text that ticks, and can be clicked and read aloud.
import { Marker, type Map as GlMap } from 'maplibre-gl'
import type { LonLat } from './datum'

type Held = { marker: Marker; element: HTMLElement }

/** A keyed set of markers; `sync` makes, moves and removes what is needed. */
export class Markers<T> {
  private readonly held = new Map<string, Held>()

  constructor(
    private readonly make: (row: T) => HTMLElement,
    private readonly dress: (element: HTMLElement, row: T) => void,
  ) {}

  sync(map: GlMap, rows: { key: string; at: LonLat; row: T }[]): void {
    const wanted = new Set(rows.map((it) => it.key))
    for (const [key, { marker }] of this.held)
      if (!wanted.has(key)) {
        marker.remove()
        this.held.delete(key)
      }
    for (const { key, at, row } of rows) {
      const held = this.held.get(key) ?? this.added(map, key, at, row)
      const now = held.marker.getLngLat()
      if (now.lng !== at[0] || now.lat !== at[1]) held.marker.setLngLat(at)
      this.dress(held.element, row)
    }
  }

  clear(): void {
    for (const { marker } of this.held.values()) marker.remove()
    this.held.clear()
  }

  private added(map: GlMap, key: string, at: LonLat, row: T): Held {
    const element = this.make(row)
    const marker = new Marker({ element, anchor: 'center' }).setLngLat(at).addTo(map)
    const held = { marker, element }
    this.held.set(key, held)
    return held
  }
}

/** Sets text only when it changed: the rest of the page need not be laid out anew each second. */
export function setText(element: Element | null, text: string): void {
  if (element !== null && element.textContent !== text) element.textContent = text
}
