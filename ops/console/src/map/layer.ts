// What every map layer is: one file each under layers/, put on the map in the order of map/layers/index.ts.
import type { GeoJSONSource, Map as GlMap } from 'maplibre-gl'
import type { FeatureCollection } from 'geojson'
import type { Palette } from './palette'

export type Layer = {
  name: string
  /** Adds sources and style layers; called again after the style was replaced by another theme. */
  add: (map: GlMap, palette: Palette) => void
  /** Brings what is drawn up to date; reads reactive state, and is called again when that changes. */
  update: (map: GlMap) => void
  /** Takes away what is not part of the style, such as markers. */
  remove?: () => void
}

export const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] }

/** New data for a source, if it is on the map already. */
export function setData(map: GlMap, source: string, data: FeatureCollection): void {
  // resolves when it was drawn; what is drawn next waits for nobody
  void map.getSource<GeoJSONSource>(source)?.setData(data)
}

/** Families of this computer; the map draws letters itself, so none are fetched. */
export const FONT = ['system-ui', 'Noto Sans CJK SC', 'Microsoft YaHei', 'PingFang SC', 'sans-serif']
