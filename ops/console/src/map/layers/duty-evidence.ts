// The evidence of the duty that is opened on the page Duties, drawn like that of an alert.
import { opened } from '../../state/duties'
import { setData, type Layer } from '../layer'
import { drawn, evidence } from './evidence'

export const dutyEvidence: Layer = {
  name: 'duty-evidence',
  add: (map, palette) => evidence.add(map, palette),
  update(map) {
    const { duty } = opened
    setData(map, 'evidence', drawn(duty?.drawing ?? null, duty?.lat ?? null, duty?.lon ?? null))
  },
}
