// An incident that was reported, or went a step further, as it is now.
import { putIncident } from '../../state/incidents'
import type { Message, Pushed } from '../message'

export const incident: Message<Pushed<'IncidentMessage'>> = {
  type: 'incident',
  apply(message) {
    putIncident(message.incident)
  },
}
