// The pages and who has them. Paths stand behind the #, so that the service needs to know one page only.
import { createRouter, createWebHashHistory } from 'vue-router'
import { may, session } from './state/session'

export const PAGES = [
  { name: 'duty', path: '/', needs: ['alerts.read', 'units.read'], page: () => import('./pages/Duty.vue') },
  { name: 'duties', path: '/duties', needs: ['duties.read'], page: () => import('./pages/Duties.vue') },
  { name: 'roster', path: '/roster', needs: ['roster.read'], page: () => import('./pages/Roster.vue') },
  { name: 'tickets', path: '/tickets', needs: ['tickets.read'], page: () => import('./pages/Tickets.vue') },
  { name: 'checks', path: '/checks', needs: ['spot_checks.read'], page: () => import('./pages/Checks.vue') },
  { name: 'equipment', path: '/equipment', needs: ['equipment.read'], page: () => import('./pages/Equipment.vue') },
  { name: 'territory', path: '/territory', needs: ['territory.read'], page: () => import('./pages/Territory.vue') },
  { name: 'measures', path: '/measures', needs: ['measures.read'], page: () => import('./pages/Measures.vue') },
  { name: 'looks', path: '/looks', needs: ['looks.own', 'audit.read'], page: () => import('./pages/Looks.vue') },
] as const

export type PageName = (typeof PAGES)[number]['name']

/** The pages of the account that is signed in. */
export function allowedPages(): PageName[] {
  return PAGES.filter((it) => it.needs.some(may) && (it.name !== 'looks' || hasLooks())).map(({ name }) => name)
}

/** An account without a unit carries nothing at which anybody could look. */
function hasLooks(): boolean {
  return may('audit.read') || Boolean(session.account?.unit)
}

export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    ...PAGES.map(({ name, path, page }) => ({ name, path, component: page })),
    { path: '/:rest(.*)', redirect: '/' },
  ],
})
