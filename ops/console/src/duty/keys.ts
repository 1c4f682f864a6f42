// The keys of the duty screen; they rest while somebody types or a dialog is open.
import { onBeforeUnmount, onMounted, ref } from 'vue'

export const keysShown = ref(false)

export type Keys = Partial<Record<string, () => void>>

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null
}

/** A button that was clicked with the mouse lets go of the focus: otherwise Enter would press it again. */
function letGo(event: MouseEvent): void {
  if (event.detail > 0 && event.target instanceof Element) event.target.closest<HTMLElement>('button')?.blur()
}

/** Whether Enter or the arrows mean something to what has the focus. */
function handlesItself(target: EventTarget | null, key: string): boolean {
  return key === 'Enter' && target instanceof HTMLElement && target.closest('button, a') !== null
}

export function useKeys(keys: Keys): void {
  function pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return
    if (typing(event.target) || handlesItself(event.target, event.key)) return
    if (keysShown.value) return
    const act = keys[event.key]
    if (!act) return
    event.preventDefault()
    act()
  }
  onMounted(() => {
    window.addEventListener('keydown', pressed)
    window.addEventListener('click', letGo)
  })
  onBeforeUnmount(() => {
    window.removeEventListener('keydown', pressed)
    window.removeEventListener('click', letGo)
  })
}
