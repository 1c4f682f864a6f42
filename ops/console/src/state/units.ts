// Units, what they carry, and where each device was last; positions are merged per device, the newest fix wins.
import { computed, reactive, ref } from 'vue'
import { api } from '../api/client'
import type { Fix, Unit, UnitList } from '../api/types'
import { Merged, byTime } from './merge'

/** The newest known fix of one device. */
export type DeviceFix = { device: string; fix: Omit<Fix, 'age_s'> }

export const units = ref<Unit[]>([])

const fixes = reactive(new Map<string, DeviceFix>())
const merged = new Merged<DeviceFix, string>(
  (row) => row.device,
  byTime((row) => row.fix.time),
  fixes as Map<string, DeviceFix>,
)

/** A unit at the newest place that any of its devices reported. */
export type PlacedUnit = { unit: Unit; device: string; fix: DeviceFix['fix'] }

export const placedUnits = computed<PlacedUnit[]>(() =>
  units.value.flatMap((unit) => {
    let best: DeviceFix | undefined
    for (const { name } of unit.devices) {
      const held = fixes.get(name)
      if (held && (!best || Date.parse(held.fix.time) > Date.parse(best.fix.time))) best = held
    }
    return best ? [{ unit, device: best.device, fix: best.fix }] : []
  }),
)

/** Whether a unit is known to carry a device. */
export function carries(unit: string, device: string): boolean {
  return units.value.some((it) => it.code === unit && it.devices.some(({ name }) => name === device))
}

export function putFix(row: DeviceFix): void {
  merged.put(row)
}

export function dropFix(device: string): void {
  fixes.delete(device)
}

/** Fetches the units; a device whose place may not be shown any more loses it. */
export async function loadUnits(): Promise<void> {
  const mark = merged.mark()
  const found = await api.get<UnitList>('/api/units')
  const rows = found.items.flatMap((unit) =>
    unit.devices.flatMap(({ name, position }) => (position ? [{ device: name, fix: position }] : [])),
  )
  merged.replace(rows, mark)
  units.value = found.items
}

export function clearUnits(): void {
  units.value = []
  merged.clear()
}
