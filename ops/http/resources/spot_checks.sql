-- name: list_spot_checks
-- Rounds drawn for a check, the one that is due first first; open ones wait for an answer.
SELECT d.id, d.subject AS round, d.context ->> 'unit' AS unit, d.context ->> 'route' AS route, d.grid, d.state, d.verdict,
       r.starts_at, d.opens_at AS ended_at, d.due_at, a.outcome, a.note, a.answered_at, a.answered_by,
       coalesce(p.points, 0) AS points, coalesce(p.proven, 0) AS proven, coalesce(p.missed, 0) AS missed,
       coalesce(p.in_doubt, 0) AS in_doubt
  FROM duty d
  LEFT JOIN spot_check a ON a.duty = d.id
  LEFT JOIN round r ON r.key = d.subject
  LEFT JOIN LATERAL (SELECT count(*) AS points,
                            count(*) FILTER (WHERE x.verdict IN ('early', 'met', 'late')) AS proven,
                            count(*) FILTER (WHERE x.verdict = 'missed') AS missed,
                            count(*) FILTER (WHERE x.verdict = 'in_doubt') AS in_doubt
                       FROM duty x WHERE x.round = r.id) p ON true
 WHERE d.rule = 'spot_check' AND d.opens_at <= %(now)s
   AND (%(scope)s::text IS NULL OR d.grid IN (SELECT grids_within(%(scope)s)))
   AND NOT %(own)s
   AND (%(id)s::bigint IS NULL OR d.id = %(id)s)
   AND (%(answered)s::boolean IS NULL OR (a.duty IS NOT NULL) = %(answered)s)
   AND (%(answered)s::boolean IS DISTINCT FROM false OR d.state <> 'final')
   AND (%(unit)s::text IS NULL OR d.context ->> 'unit' = %(unit)s)
   AND (%(past_time)s::timestamptz IS NULL OR (d.due_at, d.id) > (%(past_time)s, %(past_id)s::bigint))
 ORDER BY d.due_at, d.id
 LIMIT %(limit)s;
