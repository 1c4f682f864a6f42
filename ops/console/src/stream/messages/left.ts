// A device that went out of what this account may see.
import { dropFix } from '../../state/units'
import type { Message, Pushed } from '../message'

export const left: Message<Pushed<'Left'>> = {
  type: 'left',
  apply(message) {
    dropFix(message.device)
  },
}
