// The last message of a stream that the service ends.
import type { Message, Pushed } from '../message'

export const closed: Message<Pushed<'Closed'>> = {
  type: 'closed',
  apply({ reason }, screen) {
    if (reason === 'session') screen.sessionChanged()
    else screen.reconnect()
  },
}
