// The set-up that all maps share: ground, layers that follow state and theme, buttons, fitting, and the end of it all.
import { Map as GlMap, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl'
import type { FitBoundsOptions, LngLatBounds } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import { onBeforeUnmount, onMounted, ref, useTemplateRef, watch, watchEffect, type Ref, type WatchStopHandle } from 'vue'
import { theme } from '../state/prefs'
import { site } from '../state/site'
import type { Layer } from './layer'
import { tiles } from './layers/tiles'
import { PALETTES } from './palette'

// The worker comes from this service; left to itself the map would make one from a blob, which our policy forbids.
setWorkerUrl(workerUrl)

type Edges = { top: number; bottom: number; left: number; right: number }
type Fitting = { edges_px: number | Edges; maxZoom?: number; duration_ms?: number }

export type UsedMap = {
  /** Whether this browser cannot draw it. */
  failed: Ref<boolean>
  /** How wide the frame is. */
  width_px: () => number
  /** The map; undefined before it is mounted, and when it failed. */
  get: () => GlMap | undefined
  /** Shows a rectangle with room around it; less room where the frame is small, and nothing while it has no size. */
  fit: (bounds: LngLatBounds | null | undefined, how: Fitting) => boolean
}

type Options = {
  /** A finger that scrolls the page is not caught by the map. */
  yields?: boolean
  /** Without a scale where there is no room for one. */
  scale?: boolean
  /** Called once when the map is there; watchers that it makes end with the component. */
  ready: (map: GlMap) => void
}

function ground() {
  return {
    version: 8 as const,
    sources: {},
    layers: [{ id: 'ground', type: 'background' as const, paint: { 'background-color': PALETTES[theme.value].ground } }],
  }
}

function within(edges: Edges, width: number, height: number): Edges {
  const share = Math.min(1, (width * 0.7) / (edges.left + edges.right), (height * 0.7) / (edges.top + edges.bottom))
  return { top: edges.top * share, bottom: edges.bottom * share, left: edges.left * share, right: edges.right * share }
}

/** The map fills the element that the template marks with `ref="box"`. */
export function useMap(layers: readonly Layer[], { yields = false, scale = true, ready }: Options): UsedMap {
  const box = useTemplateRef<HTMLElement>('box')
  const width_px = (): number => box.value?.clientWidth ?? 0
  const failed = ref(false)
  let map: GlMap | undefined
  let stops: WatchStopHandle[] = []

  function dress(on: GlMap): void {
    for (const stop of stops) stop()
    for (const layer of layers) layer.add(on, PALETTES[theme.value])
    // each depends on what it reads: ages tick every second, and the ground is not laid out anew for them
    stops = layers.map((layer) => watchEffect(() => layer.update(on)))
  }

  function make(container: HTMLElement): GlMap {
    return new GlMap({
      container,
      style: ground(),
      center: [105, 35],
      zoom: 3,
      maxZoom: 19,
      attributionControl: site.attribution === null || !layers.includes(tiles) ? false : { compact: true },
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      cooperativeGestures: yields,
    })
  }

  onMounted(() => {
    if (!box.value) return
    try {
      map = make(box.value)
    } catch {
      failed.value = true
      return
    }
    const made = map
    made.touchZoomRotate.disableRotation()
    made.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    if (scale) made.addControl(new ScaleControl({}), 'bottom-right')
    made.on('style.load', () => dress(made))
    watch(theme, () => made.setStyle(ground(), { diff: false }))
    ready(made)
  })

  onBeforeUnmount(() => {
    for (const stop of stops) stop()
    for (const layer of layers) layer.remove?.()
    map?.remove()
    map = undefined
  })

  function fit(bounds: LngLatBounds | null | undefined, { edges_px, maxZoom, duration_ms = 600 }: Fitting): boolean {
    const [width, height] = [width_px(), box.value?.clientHeight ?? 0]
    if (!bounds || !map || width === 0 || height === 0) return false
    const all = typeof edges_px === 'number' ? { top: edges_px, bottom: edges_px, left: edges_px, right: edges_px } : edges_px
    const how: FitBoundsOptions = { padding: within(all, width, height), duration: duration_ms }
    map.fitBounds(bounds, maxZoom === undefined ? how : { ...how, maxZoom })
    return true
  }

  return { failed, width_px, get: () => map, fit }
}
