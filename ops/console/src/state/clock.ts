// The service's time, ticking: ages on screen are told by the service's clock, not by this computer's.
import { computed, ref } from 'vue'

const tick = ref(Date.now())
const offset_ms = ref(0)

setInterval(() => (tick.value = Date.now()), 1000)

/** The service's time now, in milliseconds since 1970; changes once a second. */
export const now_ms = computed(() => tick.value + offset_ms.value)

/** To be told each time the service says what time it is. */
export function hearTime(server_time: string): void {
  const said = Date.parse(server_time)
  if (!Number.isNaN(said)) offset_ms.value = said - Date.now()
}

/** Seconds since a moment, never negative. */
export function ageOf(moment: string): number {
  return Math.max(0, (now_ms.value - Date.parse(moment)) / 1000)
}
