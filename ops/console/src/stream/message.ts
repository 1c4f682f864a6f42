// What one kind of pushed message is: its type, and what it does to the picture.
import type { components } from '../api/schema'

/** A pushed message as the service describes it. */
export type Pushed<Name extends keyof components['schemas']> = components['schemas'][Name]

/** What a message can ask for that it cannot do itself. */
export type Screen = {
  /** The open state must be fetched; `server` is another one after a restart. */
  fetchAll: (server: string) => void
  unitsChanged: () => void
  roundsChanged: () => void
  objectionsChanged: () => void
  /** End this connection and make another. */
  reconnect: () => void
  /** The session is over, or another account's. */
  sessionChanged: () => void
  /** The service speaks a newer language than this page. */
  outdated: () => void
}

export type Message<T extends { type: string }> = {
  type: T['type']
  apply: (message: T, screen: Screen) => void
}
