// What waits for an answer, and what has turned out differently since this account saw it.
import { computed, ref, shallowRef } from 'vue'
import { api } from '../api/client'
import type { Correction, Objection, ObjectionPage } from '../api/types'
import { may } from './session'

export const objections = ref<Objection[]>([])
export const openObjections = ref(0)
export const unseenAnswers = ref(0)
export const corrections = shallowRef<Correction[]>([])

/** What the top bar counts: to answer for whoever may, else answers to read. */
export const waiting = computed(() => (may('objections.answer') ? openObjections.value : unseenAnswers.value))

const corrected = computed(() => new Map(corrections.value.map((it) => [it.alert.id, it])))

/** What the account was told of an alert, when that is not so any more. */
export function correctionOf(alert: number): Correction | undefined {
  return corrected.value.get(alert)
}

export async function loadObjections(): Promise<void> {
  const page = await api.get<ObjectionPage>('/api/objections?limit=200')
  objections.value = page.items
  openObjections.value = page.open
  unseenAnswers.value = page.unseen
}

export async function loadCorrections(): Promise<void> {
  corrections.value = (await api.get<{ items: Correction[] }>('/api/corrections')).items
}

export function clearFairness(): void {
  objections.value = []
  corrections.value = []
  openObjections.value = unseenAnswers.value = 0
}
