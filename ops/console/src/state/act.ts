// Asking the service to do something: one at a time, and a sentence when it was not done.
import { ElMessage } from 'element-plus'
import { ref, type Ref } from 'vue'
import { t } from '../i18n'
import { problem } from '../reasons/problem'

/** `busy` while it is under way; whoever does not look at it may act twice. */
export function useAct(): { busy: Ref<boolean>; act: (what: () => Promise<unknown>) => Promise<void> } {
  const busy = ref(false)

  async function act(what: () => Promise<unknown>): Promise<void> {
    busy.value = true
    try {
      await what()
    } catch (error) {
      ElMessage.error(t('error.not_done', { why: problem(error) }))
    } finally {
      busy.value = false
    }
  }

  return { busy, act }
}
