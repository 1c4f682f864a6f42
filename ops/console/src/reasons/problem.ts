// What went wrong with a request, in one sentence.
import { ApiError } from '../api/client'
import { t } from '../i18n'

export function problem(error: unknown): string {
  if (error instanceof ApiError && error.status === 0) return t('error.no_answer')
  return error instanceof Error ? error.message : String(error)
}
