// Tones made by the browser itself, and whether it lets them be heard.
import { computed, ref } from 'vue'
import { soundWanted } from '../state/prefs'

let context: AudioContext | undefined
const unlocked = ref(false)
/** How many times a tone was started; the only trace that a test can see of one. */
export const tonesPlayed = ref(0)

/** on: tones are heard; blocked: wanted, but the browser waits for a click; off: not wanted. */
export const soundState = computed(() => (soundWanted.value === 'off' ? 'off' : unlocked.value ? 'on' : 'blocked'))

/** To be called from a click or a key press. */
export async function unlockSound(): Promise<void> {
  context ??= new AudioContext()
  await context.resume()
  unlocked.value = context.state === 'running'
  context.onstatechange = () => (unlocked.value = context?.state === 'running')
}

/** Turns sound on, with a short tone as proof, or off. */
export async function toggleSound(): Promise<void> {
  if (soundWanted.value === 'on' && unlocked.value) {
    soundWanted.value = 'off'
    return
  }
  soundWanted.value = 'on'
  await unlockSound()
  play([[660, 0.12]])
}

/** Critical: five urgent pairs. High: two calm ones. */
export function sound(severity: 'critical' | 'high'): void {
  if (soundState.value !== 'on') return
  const pair: Note[] =
    severity === 'critical'
      ? [
          [880, 0.16],
          [660, 0.16],
        ]
      : [
          [587, 0.22],
          [494, 0.28],
        ]
  play(Array.from({ length: severity === 'critical' ? 5 : 2 }, () => pair).flat())
}

type Note = [hertz: number, seconds: number]

function play(notes: Note[]): void {
  if (!context || context.state !== 'running') return
  let at = context.currentTime + 0.02
  for (const [hertz, seconds] of notes) {
    const [tone, gain] = [context.createOscillator(), context.createGain()]
    tone.type = 'triangle'
    tone.frequency.value = hertz
    // a ramp at both ends: a tone that is cut clicks
    gain.gain.setValueAtTime(0.0001, at)
    gain.gain.exponentialRampToValueAtTime(0.4, at + 0.02)
    gain.gain.exponentialRampToValueAtTime(0.0001, at + seconds)
    tone.connect(gain).connect(context.destination)
    tone.start(at)
    tone.stop(at + seconds)
    at += seconds + 0.03
  }
  tonesPlayed.value += 1
}
