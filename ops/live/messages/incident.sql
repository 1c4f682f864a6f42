-- name: changed
-- Incidents that are open, and those closed within the last day, as far as they are news.
SELECT i.id, i.xmin::text AS version, i.grid AS its_grid, i.unit AS its_unit, i.number, i.kind, i.grade, i.text, i.lat,
       i.lon, i.radius_m, i.grid, i.source, i.unit, i.occurred_at, i.reported_at, i.dispatched_at, i.accepted_at,
       i.arrived_at, i.closed_at
  FROM incident i
 WHERE (i.closed_at IS NULL OR i.closed_at > %(lately)s)
   AND (%(since)s::text IS NULL OR age(i.xmin) <= age(%(since)s::text::xid8::xid))
 ORDER BY i.id;
