// What the tag of a piece of equipment measured last.
import { putHydrant } from '../../state/site'
import type { Message, Pushed } from '../message'

export const equipment: Message<Pushed<'EquipmentMessage'>> = {
  type: 'equipment',
  apply({ code, measured, measured_at, heard_at, battery_pct, state }) {
    if (state !== null) putHydrant(code, { measured, measured_at, heard_at, battery_pct, state })
  },
}
