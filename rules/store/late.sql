-- name: wake
-- Judge at once what was judged, is not proven and may be turned by readings that came late: the duties of the units
-- and posts that held their devices. An hour before the window and all of the settling after it cover every early and
-- late limit; where coming counts for hours after that, it counts here as long as the duty lives.
UPDATE duty d SET judge_at = %(now)s
  FROM unnest(%(units)s::text[], %(posts)s::text[], %(everybody)s::boolean[], %(froms)s::timestamptz[],
              %(tos)s::timestamptz[]) AS m (unit, post, everybody, start, stop)
 WHERE d.state = 'provisional' AND d.verdict IN ('early', 'late', 'missed', 'in_doubt')
   AND (d.judge_at IS NULL OR d.judge_at > %(now)s)
   AND d.opens_at - interval '1 hour' <= m.stop
   AND m.start <= CASE WHEN d.rule = ANY(%(lasting)s) THEN d.final_at ELSE d.settles_at END
   AND (m.everybody OR d.unit = m.unit OR d.context -> 'posts' ? m.post
        OR (d.unit IS NULL AND d.rule = ANY(%(incident_rules)s)));
