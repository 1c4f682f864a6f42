-- name: list_corrections
-- What the account last saw of each alert, and what became of that since; being acknowledged or closed by hand as what
-- it was corrects nothing.
WITH seen AS (
  SELECT DISTINCT ON (alert) alert, history, class, at FROM told
   WHERE kind = 'account' AND who = %(who)s AND at > %(lately)s
   ORDER BY alert, history DESC
)
SELECT a.id, a.fingerprint, a.rule, a.subject, a.class, a.severity, a.state, a.title, a.reasons, a.grid, a.unit,
       a.device, a.duty, a.incident, a.lat, a.lon, a.opened_at, a.changed_at, a.acked_at, a.acked_by, a.resolved_at,
       a.resolution, a.reopened, s.at AS told_at, s.class AS told_class, h.since
  FROM seen s
  JOIN alert a ON a.id = s.alert
  JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('at', at, 'event', event, 'actor', actor, 'note', note) ORDER BY id) AS since,
           max(id) AS newest,
           bool_or(event IN ('changed', 'withdrawn', 'waived', 'superseded', 'reopened')) AS differs
      FROM alert_history WHERE alert = a.id AND id > s.history) h ON h.differs OR a.class <> s.class
 WHERE (%(scope)s::text IS NULL OR a.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR a.unit = %(own_unit)s)
   AND h.since IS NOT NULL
 ORDER BY h.newest DESC
 LIMIT %(limit)s;
