// The pages and who has them. Paths stand behind the #, so that the service needs to know one page only.
import { createRouter, createWebHashHistory } from 'vue-router'
import { may } from './state/session'

export const PAGES = [
  { name: 'duty', path: '/', needs: ['alerts.read', 'units.read'], page: () => import('./pages/Duty.vue') },
  { name: 'roster', path: '/roster', needs: ['roster.read'], page: () => import('./pages/Roster.vue') },
  { name: 'tickets', path: '/tickets', needs: ['tickets.read'], page: () => import('./pages/Tickets.vue') },
  { name: 'equipment', path: '/equipment', needs: ['equipment.read'], page: () => import('./pages/Equipment.vue') },
  { name: 'territory', path: '/territory', needs: ['territory.read'], page: () => import('./pages/Territory.vue') },
  { name: 'measures', path: '/measures', needs: ['measures.read'], page: () => import('./pages/Measures.vue') },
] as const

export type PageName = (typeof PAGES)[number]['name']

/** The pages of the account that is signed in. */
export function allowedPages(): PageName[] {
  return PAGES.filter(({ needs }) => needs.some(may)).map(({ name }) => name)
}

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    ...PAGES.map(({ name, path, page }) => ({ name, path, component: page })),
    { path: '/:rest(.*)', redirect: '/' },
  ],
})
