// The first message of a stream: news from here on are complete, so what was before must be fetched.
import { hearTime } from '../../state/clock'
import { session } from '../../state/session'
import { site } from '../../state/site'
import type { Message, Pushed } from '../message'

/** A page of another version than the service may misread what comes. */
const UNDERSTOOD = 1

export const hello: Message<Pushed<'Hello'>> = {
  type: 'hello',
  apply(message, screen) {
    hearTime(message.time)
    site.zone = message.zone
    if (message.stream_version > UNDERSTOOD) screen.outdated()
    else if (message.user !== session.account?.user) screen.sessionChanged()
    else screen.fetchAll(message.server)
  },
}
