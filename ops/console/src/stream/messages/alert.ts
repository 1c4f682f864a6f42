// An alert that opened or changed, as it is now.
import { putAlert } from '../../state/alerts'
import type { Message, Pushed } from '../message'

export const alert: Message<Pushed<'AlertMessage'>> = {
  type: 'alert',
  apply(message) {
    putAlert(message.alert)
  },
}
