// All messages that the service pushes, by type; which there are, the generated types say.
import type { Message, Pushed } from '../message'
import { alert } from './alert'
import { closed } from './closed'
import { duty } from './duty'
import { equipment } from './equipment'
import { heartbeat } from './heartbeat'
import { hello } from './hello'
import { incident } from './incident'
import { left } from './left'
import { objection } from './objection'
import { position } from './position'
import { resync } from './resync'
import { rounds } from './rounds'
import { ticket } from './ticket'

export type Event = Pushed<'Event'>

type ByType = { [T in Event['type']]: Message<Extract<Event, { type: T }>> }

/** A type that the service pushes and that is missing here does not compile. */
export const MESSAGES: ByType = {
  alert,
  closed,
  duty,
  equipment,
  heartbeat,
  hello,
  incident,
  left,
  objection,
  position,
  resync,
  rounds,
  ticket,
}
