// Requests to the service: JSON in and out, one kind of error, and one place that learns of a lost session.

/** What the service answered instead of what was asked for; status 0 is no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

const TIMEOUT_MS = 15_000 // the service gives up on its database well before that

let onSessionLost: () => void = () => undefined

/** Who is told when a request finds that nobody is signed in any more. */
export function whenSessionIsLost(told: () => void): void {
  onSessionLost = told
}

async function request(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(path === '/api/session' ? 40_000 : TIMEOUT_MS)
  try {
    return await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'no-answer')
  }
}

async function problemOf(response: Response): Promise<ApiError> {
  const text = await response.text()
  try {
    const problem = JSON.parse(text) as { detail?: unknown; title?: unknown }
    const said = typeof problem.detail === 'string' ? problem.detail : problem.title
    return new ApiError(response.status, typeof said === 'string' ? said : response.statusText)
  } catch {
    return new ApiError(response.status, response.statusText)
  }
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await request(method, path, body, signal)
  if (!response.ok) {
    const problem = await problemOf(response)
    if (problem.status === 401 && path !== '/api/session') onSessionLost()
    throw problem
  }
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}

export const api = {
  get: <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>('GET', path, undefined, signal),
  post: <T>(path: string, body?: unknown): Promise<T> => call<T>('POST', path, body),
  patch: <T>(path: string, body: unknown): Promise<T> => call<T>('PATCH', path, body),
  delete: (path: string): Promise<void> => call<undefined>('DELETE', path),
}

/** All pages of a list, one after the other, until there is no next one or `most` items are there. */
export async function getAll<T>(path: string, most = 2000): Promise<T[]> {
  const items: T[] = []
  let after: string | null = null
  do {
    const joiner = path.includes('?') ? '&' : '?'
    const page: { items: T[]; next: string | null } = await api.get(
      after === null ? path : `${path}${joiner}after=${encodeURIComponent(after)}`,
    )
    items.push(...page.items)
    after = page.next
  } while (after !== null && items.length < most)
  return items
}
