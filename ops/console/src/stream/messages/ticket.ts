// A ticket that was opened or closed, as it is now.
import { putTicket } from '../../state/tickets'
import type { Message, Pushed } from '../message'

export const ticket: Message<Pushed<'TicketMessage'>> = {
  type: 'ticket',
  apply(message) {
    putTicket(message.ticket)
  },
}
