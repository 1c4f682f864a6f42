// Who is signed in, and what the account may do.
import { computed, reactive } from 'vue'
import { ApiError, api, whenSessionIsLost } from '../api/client'
import type { Account } from '../api/types'

const MARK = 'gengfu.signed-in' // that somebody signed in with this browser; without it there is no session to ask for

function marked(): boolean {
  try {
    return localStorage.getItem(MARK) !== null
  } catch {
    return true // storage may be forbidden; then the service is asked
  }
}

function mark(signed: boolean): void {
  try {
    if (signed) localStorage.setItem(MARK, 'yes')
    else localStorage.removeItem(MARK)
  } catch {
    // as above
  }
}

export const session = reactive<{ account: Account | null; known: boolean; lost: boolean }>({
  account: null,
  known: false, // whether the service has said yet
  lost: false, // the session ended while somebody worked with it
})

export const signedIn = computed(() => session.account !== null)

/** Whether the account has a permission. */
export function may(permission: string): boolean {
  return session.account?.permissions.includes(permission) ?? false
}

/** Asks the service who is signed in; throws when there is no answer. */
export async function whoAmI(): Promise<void> {
  try {
    session.account = marked() ? await api.get<Account>('/api/session') : null
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error
    session.account = null
    mark(false)
  }
  session.known = true
}

export async function signIn(user: string, password: string): Promise<void> {
  session.account = await api.post<Account>('/api/session', { user, password })
  mark(true)
  session.known = true
  session.lost = false
}

export async function signOut(): Promise<void> {
  await api.delete('/api/session')
  mark(false)
  session.account = null
  session.lost = false
}

whenSessionIsLost(() => {
  if (session.account !== null) session.lost = true
  session.account = null
})
