// Where a device of a unit is now.
import { carries, putFix } from '../../state/units'
import type { Message, Pushed } from '../message'

export const position: Message<Pushed<'PositionMessage'>> = {
  type: 'position',
  apply({ device, unit, time, lat, lon, accuracy_m, speed_mps, heading_deg, flags, grid }, screen) {
    putFix({ device, fix: { time, lat, lon, accuracy_m, speed_mps, heading_deg, altitude_m: null, flags, grid } })
    if (!carries(unit, device)) screen.unitsChanged()
  },
}
