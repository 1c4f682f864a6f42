// Open alerts that have a place.
import { t } from '../../i18n'
import { headline } from '../../reasons/headline'
import { openAlerts } from '../../state/alerts'
import { openAlert, selection } from '../../state/selection'
import type { Alert } from '../../api/types'
import { Markers } from '../markers'
import type { Layer } from '../layer'
import { place } from '../shift'

function make(alert: Alert): HTMLElement {
  const element = document.createElement('button')
  element.type = 'button'
  element.dataset.alert = String(alert.id)
  element.addEventListener('click', (event) => {
    event.stopPropagation()
    void openAlert(alert.id)
  })
  return element
}

function dress(element: HTMLElement, alert: Alert): void {
  element.className = `alert-pin alert-pin-${alert.severity} tone-${alert.severity}`
  element.classList.toggle('alert-pin-selected', alert.id === selection.id)
  const words = `${t(`severity.${alert.severity}`)}: ${headline(alert)}`
  if (element.title !== words) {
    element.title = words
    element.setAttribute('aria-label', words)
  }
}

// className is set anew above, which would drop what the map adds; so the pin is a child
const markers = new Markers<Alert>(
  (alert) => {
    const box = document.createElement('div')
    box.className = 'alert-pin-box'
    box.append(make(alert))
    return box
  },
  (box, alert) => {
    const pin = box.firstElementChild
    if (pin instanceof HTMLElement) dress(pin, alert)
  },
)

export const alerts: Layer = {
  name: 'alerts',
  add() {
    // markers are no part of the style
  },
  update(map) {
    markers.sync(
      map,
      openAlerts.value.flatMap((alert) =>
        alert.lat === null || alert.lon === null
          ? []
          : [{ key: String(alert.id), at: place(alert.lon, alert.lat), row: alert }],
      ),
    )
  },
  remove: () => markers.clear(),
}
