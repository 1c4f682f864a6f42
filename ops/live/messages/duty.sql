-- name: changed
-- Points of the rounds around today, as far as they are news; what is older changes by late proof only, and alerts tell.
SELECT d.id, d.xmin::text AS version, coalesce(d.grid, r.grid) AS its_grid, r.unit AS its_unit, d.round,
       d.subject AS checkpoint, r.unit, r.route, d.state, d.verdict, d.reasons, d.due_at, d.met_at, d.judged_at
  FROM round r
  JOIN duty d ON d.round = r.id
 WHERE r.starts_at > %(now)s - interval '2 days' AND r.starts_at < %(now)s + interval '1 day'
   AND (%(since)s::text IS NULL OR age(d.xmin) <= age(%(since)s::text::xid8::xid))
 ORDER BY d.id;
