// The order to begin anew: something cannot be told as news.
import type { Message, Pushed } from '../message'

export const resync: Message<Pushed<'Resync'>> = {
  type: 'resync',
  apply(_, screen) {
    screen.reconnect()
  },
}
