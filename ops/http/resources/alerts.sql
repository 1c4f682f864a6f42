-- name: list_alerts
-- One page, newest first, of what the viewer may see. NULL filters let everything pass.
SELECT a.id, a.fingerprint, a.rule, a.subject, a.class, a.severity, a.state, a.title, a.reasons, a.grid, a.unit,
       a.device, a.duty, a.incident, a.lat, a.lon, a.opened_at, a.changed_at, a.acked_at, a.acked_by, a.resolved_at,
       a.resolution, a.reopened
  FROM alert a
 WHERE (%(scope)s::text IS NULL OR a.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR a.unit = %(own_unit)s)
   AND a.state = ANY(%(state)s)
   AND (%(rule)s::text[] IS NULL OR a.rule = ANY(%(rule)s))
   AND (%(severity)s::text[] IS NULL OR a.severity = ANY(%(severity)s))
   AND (%(grid)s::text IS NULL OR a.grid IN (SELECT grids_within(%(grid)s)))
   AND (%(unit)s::text IS NULL OR a.unit = %(unit)s)
   AND (%(device)s::text IS NULL OR a.device = %(device)s)
   AND (%(since)s::timestamptz IS NULL OR a.opened_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR a.opened_at < %(until)s)
   AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
 ORDER BY a.id DESC
 LIMIT %(limit)s;

-- name: count_alerts
-- All of the viewer's territory that is not resolved, whatever the page's filters are.
SELECT count(*) FILTER (WHERE a.state = 'open') AS open,
       count(*) FILTER (WHERE a.state = 'acknowledged') AS acknowledged
  FROM alert a
 WHERE a.state <> 'resolved'
   AND (%(scope)s::text IS NULL OR a.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR a.unit = %(own_unit)s);

-- name: find_alert
-- One alert with the evidence it rests on, if the viewer may see it.
SELECT a.id, a.fingerprint, a.rule, a.subject, a.class, a.severity, a.state, a.title, a.reasons, a.grid, a.unit,
       a.device, a.duty, a.incident, a.lat, a.lon, a.opened_at, a.changed_at, a.acked_at, a.acked_by, a.resolved_at,
       a.resolution, a.reopened, e.body AS evidence
  FROM alert a LEFT JOIN evidence e ON e.id = a.evidence
 WHERE a.id = %(id)s
   AND (%(scope)s::text IS NULL OR a.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR a.unit = %(own_unit)s);

-- name: alert_history
SELECT at, event, actor, note FROM alert_history WHERE alert = %(id)s ORDER BY id;
