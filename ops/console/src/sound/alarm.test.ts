import { describe, expect, it } from 'vitest'
import type { Alert } from '../api/types'
import { isNews } from './alarm'

const alert = (state: Alert['state'], severity: Alert['severity'] = 'high'): Alert => ({ state, severity }) as Alert

describe('what must be heard', () => {
  it('is what opened, came back, or became more severe', () => {
    expect(isNews({ alert: alert('open'), before: undefined })).toBe(true)
    expect(isNews({ alert: alert('open'), before: alert('resolved') })).toBe(true)
    expect(isNews({ alert: alert('open'), before: alert('acknowledged') })).toBe(true)
    expect(isNews({ alert: alert('open', 'critical'), before: alert('open', 'warning') })).toBe(true)
  })
  it('is nothing else', () => {
    expect(isNews({ alert: alert('open'), before: alert('open') })).toBe(false)
    expect(isNews({ alert: alert('acknowledged'), before: undefined })).toBe(false)
    expect(isNews({ alert: alert('open', 'warning'), before: alert('open', 'high') })).toBe(false)
  })
})
