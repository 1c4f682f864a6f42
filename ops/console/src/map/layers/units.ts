// Units where they were last, each with the age of its fix; an old one is grey, and says so.
import { t } from '../../i18n'
import { shortAge, span } from '../../i18n/format'
import { ageOf } from '../../state/clock'
import { freshness } from '../../state/freshness'
import { placedUnits, type PlacedUnit } from '../../state/units'
import { pick } from '../../state/picked'
import { Markers, setText } from '../markers'
import type { Layer } from '../layer'
import { place } from '../shift'

function make({ unit }: PlacedUnit): HTMLElement {
  const element = document.createElement('button')
  element.type = 'button'
  element.className = `unit unit-${unit.kind}`
  element.dataset.unit = unit.code
  for (const name of ['unit-shape', 'unit-code', 'unit-age']) {
    const part = document.createElement('span')
    part.className = name
    element.append(part)
  }
  element.addEventListener('click', (event) => {
    event.stopPropagation()
    pick({ unit: unit.code })
  })
  return element
}

function dress(element: HTMLElement, { unit, device, fix }: PlacedUnit): void {
  const age_s = ageOf(fix.time)
  const state = freshness(age_s)
  element.dataset.freshness = state
  element.dataset.duty = unit.on_duty ? 'on' : 'off'
  element.dataset.lat = String(fix.lat)
  element.dataset.lon = String(fix.lon)
  setText(element.querySelector('.unit-code'), unit.code)
  setText(element.querySelector('.unit-age'), shortAge(age_s))
  const words = [
    `${unit.code} ${unit.name}`,
    t(unit.on_duty ? 'unit.on_duty' : 'unit.off_duty'),
    t('unit.fix_age', { age: span(age_s) }),
    t('unit.device', { device }),
    t(`unit.${state}`),
  ].join(' · ')
  if (element.title !== words) {
    element.title = words
    element.setAttribute('aria-label', words)
  }
}

const markers = new Markers<PlacedUnit>(make, dress)

export const units: Layer = {
  name: 'units',
  add() {
    // markers are no part of the style
  },
  update(map) {
    markers.sync(
      map,
      placedUnits.value.map((row) => ({ key: row.unit.code, at: place(row.fix.lon, row.fix.lat), row })),
    )
  },
  remove: () => markers.clear(),
}
