// Short names for what the service describes; the source is schema.d.ts, which is generated.
import type { components } from './schema'

type Schemas = components['schemas']

export type Account = Schemas['Account']
export type Alert = Schemas['Alert']
export type AlertDetail = Schemas['AlertDetail']
export type AlertPage = Schemas['AlertPage']
export type Correction = Schemas['AlertCorrection']
export type Drawing = Schemas['Drawing']
export type Duty = Schemas['Duty']
export type DutyDetail = Schemas['DutyDetail']
export type Equipment = Schemas['Equipment']
export type EquipmentPage = Schemas['EquipmentPage']
export type Fix = Schemas['Fix']
export type Incident = Schemas['Incident']
export type IncidentDetail = Schemas['IncidentDetail']
export type IncidentPage = Schemas['IncidentPage']
export type NewIncident = Schemas['NewIncident']
export type Objection = Schemas['Objection']
export type ObjectionPage = Schemas['ObjectionPage']
export type Round = Schemas['Round']
export type RoundPage = Schemas['RoundPage']
export type RoundPoint = Schemas['RoundPoint']
export type Ticket = Schemas['Ticket']
export type TicketPage = Schemas['TicketPage']
export type Unit = Schemas['Unit']
export type UnitList = Schemas['UnitList']

export type Site = Schemas['Site']

export type Severity = Alert['severity']
export type Verdict = NonNullable<RoundPoint['verdict']>

/** One named reason with the numbers that belong to it, as a verdict or an alert carries it. */
export type Reason = Record<string, unknown>
