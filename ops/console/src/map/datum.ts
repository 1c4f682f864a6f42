// Places in the datum of the map's tiles: Chinese tiles are drawn askew, so what lies on them must be shifted alike.

export type Datum = 'wgs84' | 'gcj02' | 'bd09'
export type LonLat = [lon: number, lat: number]

const A = 6378245.0 // metres, Krasovsky 1940, which GCJ-02 is defined on
const EE = 0.006693421622965943
const BD = (Math.PI * 3000) / 180

function abroad(lon: number, lat: number): boolean {
  return lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271
}

function waves(x: number): number {
  return ((20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * 2) / 3
}

function shiftLat(x: number, y: number): number {
  const base = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x))
  const slow = ((20 * Math.sin(y * Math.PI) + 40 * Math.sin((y / 3) * Math.PI)) * 2) / 3
  const slower = ((160 * Math.sin((y / 12) * Math.PI) + 320 * Math.sin((y * Math.PI) / 30)) * 2) / 3
  return base + waves(x) + slow + slower
}

function shiftLon(x: number, y: number): number {
  const base = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x))
  const slow = ((20 * Math.sin(x * Math.PI) + 40 * Math.sin((x / 3) * Math.PI)) * 2) / 3
  const slower = ((150 * Math.sin((x / 12) * Math.PI) + 300 * Math.sin((x / 30) * Math.PI)) * 2) / 3
  return base + waves(x) + slow + slower
}

function toGcj02([lon, lat]: LonLat): LonLat {
  if (abroad(lon, lat)) return [lon, lat]
  const rad = (lat / 180) * Math.PI
  const magic = 1 - EE * Math.sin(rad) ** 2
  const root = Math.sqrt(magic)
  const [x, y] = [lon - 105, lat - 35]
  return [
    lon + (shiftLon(x, y) * 180) / ((A / root) * Math.cos(rad) * Math.PI),
    lat + (shiftLat(x, y) * 180) / (((A * (1 - EE)) / (magic * root)) * Math.PI),
  ]
}

function toBd09(place: LonLat): LonLat {
  const [x, y] = toGcj02(place)
  const z = Math.hypot(x, y) + 0.00002 * Math.sin(y * BD)
  const theta = Math.atan2(y, x) + 0.000003 * Math.cos(x * BD)
  return [z * Math.cos(theta) + 0.0065, z * Math.sin(theta) + 0.006]
}

/** From WGS-84 to what the tiles are drawn in. */
export function toDatum(place: LonLat, datum: Datum): LonLat {
  if (datum === 'wgs84') return place
  return datum === 'gcj02' ? toGcj02(place) : toBd09(place)
}

/** Back to WGS-84: three rounds of taking the shift at the present guess away; centimetres remain. */
export function fromDatum(place: LonLat, datum: Datum): LonLat {
  let guess = place
  for (let round = 0; round < 3; round += 1) {
    const [lon, lat] = toDatum(guess, datum)
    guess = [guess[0] + place[0] - lon, guess[1] + place[1] - lat]
  }
  return guess
}
