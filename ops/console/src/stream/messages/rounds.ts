// The plan of today is another one.
import type { Message, Pushed } from '../message'

export const rounds: Message<Pushed<'RoundsMessage'>> = {
  type: 'rounds',
  apply(_, screen) {
    screen.roundsChanged()
  },
}
