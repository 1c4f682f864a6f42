// Keeps the picture whole: on every connection fetches the open state, and applies the news that come meanwhile and after.
import { ApiError } from '../api/client'
import { router } from '../router'
import { clearDuties } from '../state/duties'
import { clearFairness, loadCorrections, loadObjections } from '../state/fairness'
import { clearAlerts, loadAlerts, onAlert } from '../state/alerts'
import { clearIncidents, loadIncidents } from '../state/incidents'
import { link } from '../state/link'
import { clearRounds, loadRounds } from '../state/rounds'
import { refreshOpened, selection } from '../state/selection'
import { may, session, whoAmI } from '../state/session'
import { loadCheckpoints, loadGrids, loadHydrants, loadRoads, loadSite } from '../state/site'
import { clearTickets, loadTickets } from '../state/tickets'
import { clearUnits, loadUnits } from '../state/units'
import { Link } from './link'
import type { Message, Screen } from './message'
import { MESSAGES, type Event } from './messages'

/** What is fetched after each connection, by the permission that it needs. */
const OPEN_STATE: [permission: string, load: () => Promise<void>][] = [
  ['alerts.read', loadAlerts],
  ['units.read', loadUnits],
  ['incidents.read', loadIncidents],
  ['rounds.read', loadRounds],
  ['tickets.read', loadTickets],
  ['objections.read', loadObjections],
  ['alerts.read', loadCorrections],
  ['equipment.read', loadHydrants],
]

/** What hardly ever changes: fetched with the first connection, and after a restart of the service. */
const GROUND: [permission: string, load: () => Promise<void>][] = [
  ['grids.read', loadGrids],
  ['grids.read', loadRoads],
  ['rounds.read', loadCheckpoints],
]

const FRESHEN_MS = 60_000 // what nobody pushes, such as who is on duty now
const GATHER_MS = 500 // several news about one list are one reason to fetch it

let connection: Link | undefined
let server = ''
let freshen: ReturnType<typeof setInterval> | undefined
const waiting = new Map<() => Promise<void>, ReturnType<typeof setTimeout>>()

function soon(permission: string, load: () => Promise<void>): void {
  if (!may(permission) || waiting.has(load)) return
  waiting.set(
    load,
    setTimeout(() => {
      waiting.delete(load)
      load().catch(() => connection?.again()) // a list that is not told is a link that does not stand
    }, GATHER_MS),
  )
}

const loads = (wanted: typeof OPEN_STATE) => wanted.filter(([need]) => may(need)).map(([, load]) => load())

/** Reading an alert counts as having seen it, so one behind another page is left until somebody comes back to it. */
const onScreen = (): boolean => router.currentRoute.value.name === 'duty'

async function fetchAll(of: Link, from: string): Promise<void> {
  link.phase = 'fetching'
  try {
    await Promise.all([...loads(OPEN_STATE), ...(from === server ? [] : [loadSite(), ...loads(GROUND)])])
  } catch (error) {
    if (of !== connection) return
    if (error instanceof ApiError && error.status === 401) return // the sign-in page has taken over
    of.again()
    return
  }
  if (of !== connection) return
  server = from
  link.phase = 'live'
  link.lost_at_ms = 0
  link.fetched += 1
  if (onScreen()) await refreshOpened()
}

/** A stream that ends may mean that nobody is signed in any more; only a request can tell. */
async function checkSession(): Promise<void> {
  const before = session.account
  try {
    await whoAmI()
  } catch {
    return // no answer: the link says so
  }
  if (session.account === null && before !== null) session.lost = true
  else if (JSON.stringify(before) !== JSON.stringify(session.account)) startLive()
}

/** A type that this page does not know is for a newer one, and no harm. */
function apply(data: string, screen: Screen): void {
  const event = JSON.parse(data) as Event
  const message = MESSAGES[event.type] as Message<Event> | undefined
  message?.apply(event, screen)
}

/** Loads the page anew, once: a service that has no newer page would have us do it for ever. */
function outdated(): void {
  link.phase = 'outdated'
  if (sessionStorage.getItem('gengfu.reloaded') !== null) return
  sessionStorage.setItem('gengfu.reloaded', 'yes')
  location.reload()
}

/** Begins, or begins anew for another account. */
export function startLive(): void {
  stopLive()
  link.phase = 'connecting'
  const made: Link = new Link('/api/events', ['message', ...Object.keys(MESSAGES)], {
    message: (_, data) => apply(data, screen),
    closed: (again_at_ms) => {
      if (link.phase !== 'outdated') link.phase = 'lost'
      if (link.lost_at_ms === 0) link.lost_at_ms = Date.now()
      link.again_at_ms = again_at_ms
      void checkSession()
    },
  })
  const screen: Screen = {
    fetchAll: (from) => void fetchAll(made, from),
    unitsChanged: () => soon('units.read', loadUnits),
    roundsChanged: () => soon('rounds.read', loadRounds),
    objectionsChanged: () => soon('objections.read', loadObjections),
    reconnect: () => made.again(),
    sessionChanged: () => made.again(),
    outdated,
  }
  connection = made
  freshen = setInterval(() => {
    soon('units.read', loadUnits)
    soon('equipment.read', loadHydrants)
  }, FRESHEN_MS)
  made.start()
}

/** Ends the stream and forgets what was shown, so that the next account does not see it. */
export function stopLive(): void {
  connection?.stop()
  connection = undefined
  server = ''
  clearInterval(freshen)
  for (const timer of waiting.values()) clearTimeout(timer)
  waiting.clear()
}

export function forgetAll(): void {
  for (const clear of [clearAlerts, clearUnits, clearIncidents, clearRounds, clearTickets, clearDuties, clearFairness]) clear()
}


// An alert that is open in the drawer and changes elsewhere is read again, with its history.
onAlert(({ alert, before }) => {
  if (before !== undefined) soon('alerts.read', loadCorrections)
  if (onScreen() && selection.opened && selection.id === alert.id && selection.alert?.changed_at !== alert.changed_at)
    void refreshOpened()
})
