-- name: list_incidents
-- One page, newest first.
SELECT i.id, i.number, i.kind, i.grade, i.text, i.lat, i.lon, i.radius_m, i.grid, i.source, i.unit, i.occurred_at,
       i.reported_at, i.dispatched_at, i.accepted_at, i.arrived_at, i.closed_at
  FROM incident i
 WHERE (%(scope)s::text IS NULL OR i.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR i.unit = %(own_unit)s)
   AND (%(state)s = 'all' OR (i.closed_at IS NULL) = (%(state)s = 'open'))
   AND (%(kind)s::text[] IS NULL OR i.kind = ANY(%(kind)s))
   AND (%(grid)s::text IS NULL OR i.grid IN (SELECT grids_within(%(grid)s)))
   AND (%(unit)s::text IS NULL OR i.unit = %(unit)s)
   AND (%(since)s::timestamptz IS NULL OR i.reported_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR i.reported_at < %(until)s)
   AND (%(before)s::bigint IS NULL OR i.id < %(before)s)
 ORDER BY i.id DESC
 LIMIT %(limit)s;

-- name: find_incident
-- One incident, if it lies within the viewer's territory.
SELECT i.id, i.number, i.kind, i.grade, i.text, i.lat, i.lon, i.radius_m, i.grid, i.source, i.unit, i.occurred_at,
       i.reported_at, i.dispatched_at, i.accepted_at, i.arrived_at, i.closed_at
  FROM incident i
 WHERE i.id = %(id)s
   AND (%(scope)s::text IS NULL OR i.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR i.unit = %(own_unit)s);

-- name: incident_record
-- What people did about it.
SELECT at, actor, action, detail->>'unit' AS unit, coalesce(detail->>'note', '') AS note
  FROM audit WHERE subject = %(number)s AND action LIKE 'incident.%%' ORDER BY id;
