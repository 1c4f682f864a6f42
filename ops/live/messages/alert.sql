-- name: changed
-- Alerts that live, and those resolved within the last day, as far as they are news.
SELECT a.id, a.xmin::text AS version, a.grid AS its_grid, a.unit AS its_unit, a.fingerprint, a.rule, a.subject, a.class,
       a.severity, a.state, a.title, a.reasons, a.grid, a.unit, a.device, a.duty, a.incident, a.lat, a.lon, a.opened_at,
       a.changed_at, a.acked_at, a.acked_by, a.resolved_at, a.resolution, a.reopened
  FROM alert a
 WHERE (a.state <> 'resolved' OR a.changed_at > %(lately)s)
   AND (%(since)s::text IS NULL OR age(a.xmin) <= age(%(since)s::text::xid8::xid))
 ORDER BY a.id;
