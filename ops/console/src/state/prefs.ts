// What this browser remembers: language, theme, sound.
import { ref, watch, type Ref } from 'vue'

function remembered<T extends string>(key: string, allowed: readonly T[], fallback: T): Ref<T> {
  const name = `gengfu.${key}`
  let start = fallback
  try {
    const stored = localStorage.getItem(name)
    start = allowed.find((it) => it === stored) ?? fallback
  } catch {
    // storage may be forbidden; then nothing is remembered
  }
  const held = ref(start) as Ref<T>
  watch(held, (value) => {
    try {
      localStorage.setItem(name, value)
    } catch {
      // as above
    }
  })
  return held
}

export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

const preferred = navigator.languages.find((it) => /^(zh|en)\b/i.test(it)) ?? 'en'

export const language = remembered<Language>('language', LANGUAGES, /^zh/i.test(preferred) ? 'zh-CN' : 'en')
export const theme = remembered('theme', ['dark', 'light'] as const, 'dark')
/** Whether tones are wanted; a browser lets them sound only after somebody clicked or typed on the page. */
export const soundWanted = remembered('sound', ['on', 'off'] as const, 'off')
