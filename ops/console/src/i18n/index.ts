// The two languages, and which one is in force.
import { watch } from 'vue'
import { createI18n } from 'vue-i18n'
import { language } from '../state/prefs'
import { en, type Messages } from './en'
import { zhCN } from './zh-CN'

export const i18n = createI18n<[Messages], 'en' | 'zh-CN', false>({
  legacy: false, // eslint-disable-line @typescript-eslint/no-deprecated -- until version 12 its absence means true
  locale: language.value,
  fallbackLocale: 'en',
  messages: { en, 'zh-CN': zhCN },
})

/** A text by its key. */
export type Translate = (key: string, named?: Record<string, unknown>) => string

export const t: Translate = (key, named) => i18n.global.t(key, named ?? {})

/** Whether there is a text by this key. */
export const has = (key: string): boolean => i18n.global.te(key, 'en')

/** A text when there is one, otherwise the word itself: what the service says first and we do not know yet. */
export function wordOr(key: string, raw: string): string {
  return has(key) ? t(key) : raw
}

watch(
  language,
  (now) => {
    i18n.global.locale.value = now
    document.documentElement.lang = now
  },
  { immediate: true },
)
