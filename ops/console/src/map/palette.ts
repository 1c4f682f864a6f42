// Colours of the map in the two themes; grades differ in lightness too, so that they are told apart without hue.

export type Palette = {
  ground: string
  grid: Record<0 | 1 | 2 | 3 | 4, string>
  grid_opacity: number
  border: string
  border_strong: string
  label: string
  halo: string
  road: string
  road_casing: string
  checkpoint: string
  hydrant: Record<'fine' | 'low_pressure' | 'knocked' | 'silent' | 'untagged', string>
  evidence: string
  doubt: string
}

export const PALETTES: Record<'dark' | 'light', Palette> = {
  dark: {
    ground: '#0d1218',
    grid: { 0: '#27313d', 1: '#2c5364', 2: '#3f7a5b', 3: '#a8792b', 4: '#a8423a' },
    grid_opacity: 0.5,
    border: '#43536a',
    border_strong: '#9fb0c4',
    label: '#c3cfdd',
    halo: '#0d1218',
    road: '#8e9db1',
    road_casing: '#151c25',
    checkpoint: '#dfe7f1',
    hydrant: { fine: '#4fb3ff', low_pressure: '#ff6b5e', knocked: '#ff6b5e', silent: '#c9a2ff', untagged: '#5f7fa0' },
    evidence: '#ffd54a',
    doubt: '#c9a2ff',
  },
  light: {
    ground: '#f3f5f7',
    grid: { 0: '#dfe4ea', 1: '#c4dbe6', 2: '#bfe0c6', 3: '#f5d391', 4: '#f0a9a0' },
    grid_opacity: 0.7,
    border: '#9aa7b6',
    border_strong: '#4d5b6c',
    label: '#29323d',
    halo: '#ffffff',
    road: '#ffffff',
    road_casing: '#8d99a8',
    checkpoint: '#1d2733',
    hydrant: { fine: '#0b6fc2', low_pressure: '#c92a1e', knocked: '#c92a1e', silent: '#7a3fc4', untagged: '#7f94ab' },
    evidence: '#8a5a00',
    doubt: '#7a3fc4',
  },
}
