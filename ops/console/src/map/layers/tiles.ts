// Tiles of somebody else's map below ours, only when the site's settings name an address.
import { site } from '../../state/site'
import type { Layer } from '../layer'

export const tiles: Layer = {
  name: 'tiles',
  add(map) {
    if (site.tiles === null) return
    map.addSource('tiles', {
      type: 'raster',
      tiles: [site.tiles.startsWith('/') ? location.origin + site.tiles : site.tiles],
      tileSize: 256,
      ...(site.attribution === null ? {} : { attribution: site.attribution }),
    })
    map.addLayer({ id: 'tiles', type: 'raster', source: 'tiles' })
  },
  update() {
    // the address does not change while the page is open
  },
}
