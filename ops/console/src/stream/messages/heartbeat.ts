// A sign of life, and whether the road behind the stream stands.
import { hearTime } from '../../state/clock'
import { link } from '../../state/link'
import type { Message, Pushed } from '../message'

export const heartbeat: Message<Pushed<'Heartbeat'>> = {
  type: 'heartbeat',
  apply({ time, database, looked_s, ingest_s, rules_s }) {
    hearTime(time)
    Object.assign(link, { database, looked_s, ingest_s, rules_s })
  },
}
