// The layers from below to above.
import type { Layer } from '../layer'
import { alerts } from './alerts'
import { checkpoints } from './checkpoints'
import { evidence } from './evidence'
import { gridNames, grids } from './grids'
import { hydrants } from './hydrants'
import { incidents } from './incidents'
import { roads } from './roads'
import { tiles } from './tiles'
import { units } from './units'

export const LAYERS: readonly Layer[] = [
  tiles,
  grids,
  roads,
  hydrants,
  checkpoints,
  gridNames,
  evidence,
  units,
  incidents,
  alerts,
]
