// An objection that was made, answered or withdrawn.
import { refreshDuty, opened } from '../../state/duties'
import type { Message, Pushed } from '../message'

export const objection: Message<Pushed<'ObjectionMessage'>> = {
  type: 'objection',
  apply({ objection: { duty } }, screen) {
    screen.objectionsChanged()
    if (opened.id === duty) void refreshDuty()
  },
}
