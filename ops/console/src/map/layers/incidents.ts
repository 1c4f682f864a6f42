// Open incidents.
import { t, wordOr } from '../../i18n'
import { openIncidents } from '../../state/incidents'
import { pick } from '../../state/picked'
import type { Incident } from '../../api/types'
import { Markers } from '../markers'
import type { Layer } from '../layer'
import { place } from '../shift'

const markers = new Markers<Incident>(
  (incident) => {
    const element = document.createElement('button')
    element.type = 'button'
    element.className = 'incident-pin'
    element.dataset.incident = incident.number
    element.append(document.createElement('span'))
    element.addEventListener('click', (event) => {
      event.stopPropagation()
      pick({ incident: incident.id })
    })
    return element
  },
  (element, incident) => {
    element.dataset.state = incident.state
    const kind = wordOr(`incidents.kinds.${incident.kind}`, incident.kind)
    const words = [incident.number, kind, incident.text, t(`incidents.state.${incident.state}`)]
      .filter((it) => it !== '')
      .join(' · ')
    if (element.title !== words) {
      element.title = words
      element.setAttribute('aria-label', words)
    }
  },
)

export const incidents: Layer = {
  name: 'incidents',
  add() {
    // markers are no part of the style
  },
  update(map) {
    markers.sync(
      map,
      openIncidents.value.flatMap((it) =>
        it.lat === null || it.lon === null ? [] : [{ key: String(it.id), at: place(it.lon, it.lat), row: it }],
      ),
    )
  },
  remove: () => markers.clear(),
}
