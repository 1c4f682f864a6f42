// A point of a round that opened, fell due or came to another verdict.
import { dutyNews } from '../../state/duties'
import { putDuty } from '../../state/rounds'
import type { Message, Pushed } from '../message'

export const duty: Message<Pushed<'DutyMessage'>> = {
  type: 'duty',
  apply({ duty: { id, round, state, verdict, reasons, due_at, met_at, judged_at } }, screen) {
    const known = putDuty(round, { id, state, verdict, reasons, due_at, met_at, judged_at })
    dutyNews.value += 1
    if (!known) screen.roundsChanged()
  },
}
