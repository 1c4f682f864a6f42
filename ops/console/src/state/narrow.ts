// Whether the screen is a phone's; the same width as in the style sheets.
import { ref } from 'vue'

const query = window.matchMedia('(width <= 760px)')

export const narrow = ref(query.matches)
query.addEventListener('change', (event) => (narrow.value = event.matches))
