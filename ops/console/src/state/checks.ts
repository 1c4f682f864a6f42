// Finished rounds drawn for a check: those that wait for an answer, and the answer.
import { ref } from 'vue'
import { api, getAll } from '../api/client'
import type { SpotCheck } from '../api/types'

export const openChecks = ref<SpotCheck[]>([])

export async function loadChecks(): Promise<void> {
  openChecks.value = await getAll<SpotCheck>('/api/spot-checks?limit=500')
}

/** Send what was found; the check leaves the list, and one that somebody else answered meanwhile does too. */
export async function answerCheck(id: number, outcome: 'confirmed' | 'not_confirmed', note: string): Promise<void> {
  try {
    await api.post(`/api/spot-checks/${id}`, { outcome, note })
  } finally {
    await loadChecks()
  }
}
