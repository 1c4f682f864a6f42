// Why an alert was raised: the place and its circle, the fixes that counted, the way between them, the distance.
import type { Feature, FeatureCollection, Position } from 'geojson'
import type { ExpressionSpecification } from 'maplibre-gl'
import type { Drawing } from '../../api/types'
import { clock, metres } from '../../i18n/format'
import { selection } from '../../state/selection'
import { circle } from '../circle'
import { FONT, NOTHING, setData, type Layer } from '../layer'
import { place } from '../shift'

type Track = Drawing['tracks'][number]
type Point = Track['points'][number]

function line(kind: string, coordinates: Position[], label = ''): Feature {
  return { type: 'Feature', properties: { kind, label }, geometry: { type: 'LineString', coordinates } }
}

function point(kind: string, coordinates: Position, label = ''): Feature {
  return { type: 'Feature', properties: { kind, label }, geometry: { type: 'Point', coordinates } }
}

function around(kind: string, at: Position, radius_m: number): Feature {
  return { type: 'Feature', properties: { kind }, geometry: circle(at[0] ?? 0, at[1] ?? 0, radius_m) }
}

/** The point of a track that came nearest to the middle. */
export function nearestOf(points: readonly Point[]): Point | null {
  return points.reduce<Point | null>((best, it) => (best && best.distance_m <= it.distance_m ? best : it), null)
}

function ofTrack(track: Track, target: Position): Feature[] {
  const at = track.points.map((it) => place(it.lon, it.lat))
  const found: Feature[] = at.length > 1 ? [line('way', at)] : []
  for (const it of track.points) {
    const where = place(it.lon, it.lat)
    if (it.accuracy_m !== null && it.accuracy_m > 0) found.push(around('accuracy', where, it.accuracy_m))
    found.push(point('fix', where, `${track.device} ${clock(it.time)}`))
  }
  const nearest = nearestOf(track.points)
  if (nearest) found.push(line('distance', [place(nearest.lon, nearest.lat), target], metres(nearest.distance_m)))
  return found
}

/** Everything that is drawn for one alert. */
export function drawn(drawing: Drawing | null, lat: number | null, lon: number | null): FeatureCollection {
  const features: Feature[] = []
  if (drawing) {
    if (drawing.circle) {
      const target = place(drawing.circle.lon, drawing.circle.lat)
      const border = drawing.circle.polygon?.map(([at_lat, at_lon]): Position => place(at_lon, at_lat))
      if (border) features.push({ type: 'Feature', properties: { kind: 'circle' }, geometry: { type: 'Polygon', coordinates: [border] } })
      else features.push(around('circle', target, drawing.circle.radius_m))
      features.push(point('place', target))
      for (const track of drawing.tracks) features.push(...ofTrack(track, target))
    }
    for (const stretch of drawing.line?.stretches ?? [])
      features.push(line(stretch.covered ? 'walked' : 'unwalked', stretch.points.map((it) => place(it.lon, it.lat))))
    const proof = drawing.visit?.points.map((it) => place(it.lon, it.lat)) ?? []
    if (proof.length > 1) features.push(line('proof', proof))
  } else if (lat !== null && lon !== null) features.push(point('place', place(lon, lat)))
  return { type: 'FeatureCollection', features }
}

const only = (...kinds: string[]): ExpressionSpecification => ['in', ['get', 'kind'], ['literal', kinds]]

export const evidence: Layer = {
  name: 'evidence',
  add(map, palette) {
    const source = 'evidence'
    const colour = palette.evidence
    map.addSource(source, { type: 'geojson', data: NOTHING })
    const fill = (kind: string, color: string, opacity: number) =>
      map.addLayer({
        id: `evidence-${kind}`,
        type: 'fill',
        source,
        filter: only(kind),
        paint: { 'fill-color': color, 'fill-opacity': opacity },
      })
    const stroke = (id: string, kind: string, color: string, width: number, dashes?: number[]) =>
      map.addLayer({
        id: `evidence-${id}`,
        type: 'line',
        source,
        filter: only(kind),
        paint: { 'line-color': color, 'line-width': width, ...(dashes ? { 'line-dasharray': dashes } : {}) },
      })
    fill('accuracy', palette.doubt, 0.18)
    fill('circle', colour, 0.22)
    stroke('edge', 'circle', colour, 2)
    stroke('way', 'way', palette.doubt, 2)
    stroke('proof', 'proof', colour, 4)
    stroke('distance', 'distance', colour, 2, [2, 1.5])
    stroke('walked', 'walked', palette.doubt, 6)
    stroke('unwalked', 'unwalked', colour, 5, [1.2, 0.8])
    const isPlace = <T extends string | number>(yes: T, no: T): ExpressionSpecification => [
      'match',
      ['get', 'kind'],
      'place',
      yes,
      no,
    ]
    map.addLayer({
      id: 'evidence-points',
      type: 'circle',
      source,
      filter: only('fix', 'place'),
      paint: {
        'circle-radius': isPlace(9, 5),
        'circle-color': isPlace('rgba(0,0,0,0)', palette.doubt),
        'circle-stroke-color': isPlace(colour, palette.halo),
        'circle-stroke-width': isPlace(3, 1.5),
      },
    })
    const text = { 'text-halo-color': palette.halo, 'text-halo-width': 1.8 }
    map.addLayer({
      id: 'evidence-distance-label',
      type: 'symbol',
      source,
      filter: only('distance'),
      layout: {
        'symbol-placement': 'line-center',
        'text-field': ['get', 'label'],
        'text-font': FONT,
        'text-size': 14,
        'text-offset': [0, -0.9],
        'text-allow-overlap': true,
      },
      paint: { ...text, 'text-color': colour },
    })
    map.addLayer({
      id: 'evidence-fix-label',
      type: 'symbol',
      source,
      minzoom: 14,
      filter: only('fix'),
      layout: {
        'text-field': ['get', 'label'],
        'text-font': FONT,
        'text-size': 11,
        'text-offset': [0, 0.8],
        'text-anchor': 'top',
        'text-optional': true,
      },
      paint: { ...text, 'text-color': palette.label },
    })
  },
  update(map) {
    const { alert } = selection
    setData(map, 'evidence', drawn(alert?.drawing ?? null, alert?.lat ?? null, alert?.lon ?? null))
  },
}
