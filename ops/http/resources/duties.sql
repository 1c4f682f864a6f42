-- name: list_duties
-- One page, the one due last first, of what the viewer may see. NULL filters let everything pass.
SELECT d.id, d.rule, d.subject, coalesce(c.name, d.context->>'checkpoint', d.context->>'name') AS name, d.unit,
       u.name AS unit_name, d.round, r.route, o.name AS route_name, coalesce(d.grid, r.grid) AS grid, c.lat, c.lon,
       c.radius_m, d.state, d.verdict, d.reasons, d.opens_at, d.due_at, d.settles_at, d.final_at, d.met_at, d.judged_at,
       d.waived_at, d.waived_by, d.waived_why, d.superseded_at,
       d.superseded_why,
       (SELECT state FROM objection WHERE duty = d.id ORDER BY id DESC LIMIT 1) AS objection
  FROM duty d
  LEFT JOIN round r ON r.id = d.round
  LEFT JOIN LATERAL (SELECT name FROM unit WHERE code = d.unit AND valid_from <= d.opens_at
                      AND (valid_to IS NULL OR valid_to > d.opens_at) ORDER BY valid_from DESC LIMIT 1) u ON true
  LEFT JOIN LATERAL (SELECT name FROM route WHERE code = r.route AND valid_from <= r.starts_at
                      AND (valid_to IS NULL OR valid_to > r.starts_at) ORDER BY valid_from DESC LIMIT 1) o ON true
  LEFT JOIN LATERAL (SELECT name, lat, lon, radius_m FROM checkpoint
                      WHERE d.rule = 'missed_checkpoint' AND code = d.subject AND valid_from <= d.opens_at
                        AND (valid_to IS NULL OR valid_to > d.opens_at)
                      ORDER BY valid_from DESC LIMIT 1) c ON true
 WHERE (%(scope)s::text IS NULL OR coalesce(d.grid, r.grid) IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR d.unit = %(own_unit)s
        OR EXISTS (SELECT FROM unnest(%(covered)s::text[], %(covered_since)s::timestamptz[], %(covered_until)s::timestamptz[])
                     AS w(unit, since, until)
                    WHERE w.unit = d.unit AND w.since < d.due_at AND (w.until IS NULL OR w.until > d.opens_at)))
   AND (%(unit)s::text IS NULL OR d.unit = %(unit)s)
   AND (%(rule)s::text[] IS NULL OR d.rule = ANY(%(rule)s))
   AND (%(verdict)s::text[] IS NULL OR d.verdict = ANY(%(verdict)s))
   AND (%(state)s::text[] IS NULL OR d.state = ANY(%(state)s))
   AND (%(grid)s::text IS NULL OR coalesce(d.grid, r.grid) IN (SELECT grids_within(%(grid)s)))
   AND (%(since)s::timestamptz IS NULL OR d.due_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR d.due_at < %(until)s)
   AND (%(past_time)s::timestamptz IS NULL OR (d.due_at, d.id) < (%(past_time)s, %(past_id)s::bigint))
 ORDER BY d.due_at DESC, d.id DESC
 LIMIT %(limit)s;

-- name: find_duty
-- One duty with its newest evidence, if the viewer may see it.
SELECT d.id, d.rule, d.subject, coalesce(c.name, d.context->>'checkpoint', d.context->>'name') AS name, d.unit,
       u.name AS unit_name, d.round, r.route, o.name AS route_name, coalesce(d.grid, r.grid) AS grid, c.lat, c.lon,
       c.radius_m, d.state, d.verdict, d.reasons, d.opens_at, d.due_at, d.settles_at, d.final_at, d.met_at, d.judged_at,
       d.waived_at, d.waived_by, d.waived_why, d.superseded_at,
       d.superseded_why,
       (SELECT state FROM objection WHERE duty = d.id ORDER BY id DESC LIMIT 1) AS objection, e.body AS evidence
  FROM duty d
  LEFT JOIN evidence e ON e.id = d.evidence
  LEFT JOIN round r ON r.id = d.round
  LEFT JOIN LATERAL (SELECT name FROM unit WHERE code = d.unit AND valid_from <= d.opens_at
                      AND (valid_to IS NULL OR valid_to > d.opens_at) ORDER BY valid_from DESC LIMIT 1) u ON true
  LEFT JOIN LATERAL (SELECT name FROM route WHERE code = r.route AND valid_from <= r.starts_at
                      AND (valid_to IS NULL OR valid_to > r.starts_at) ORDER BY valid_from DESC LIMIT 1) o ON true
  LEFT JOIN LATERAL (SELECT name, lat, lon, radius_m FROM checkpoint
                      WHERE d.rule = 'missed_checkpoint' AND code = d.subject AND valid_from <= d.opens_at
                        AND (valid_to IS NULL OR valid_to > d.opens_at)
                      ORDER BY valid_from DESC LIMIT 1) c ON true
 WHERE d.id = %(id)s
   AND (%(scope)s::text IS NULL OR coalesce(d.grid, r.grid) IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR d.unit = %(own_unit)s
        OR EXISTS (SELECT FROM unnest(%(covered)s::text[], %(covered_since)s::timestamptz[], %(covered_until)s::timestamptz[])
                     AS w(unit, since, until)
                    WHERE w.unit = d.unit AND w.since < d.due_at AND (w.until IS NULL OR w.until > d.opens_at)));

-- name: alerts_of
-- The alerts about a duty, and those about its whole round.
SELECT a.id, a.rule, a.class, a.severity, a.state, a.title, a.duty IS NULL AS whole_round, a.opened_at, a.changed_at,
       a.resolved_at
  FROM duty d
  LEFT JOIN round r ON r.id = d.round
  JOIN alert a ON a.duty = d.id OR (a.fingerprint = d.rule || ':round:' || r.key)
 WHERE d.id = %(id)s AND a.rule <> 'objection_unanswered'
 ORDER BY a.id;

-- name: history_of
SELECT alert, at, event, actor, note FROM alert_history WHERE alert = ANY(%(alerts)s) ORDER BY id;

-- name: told_of
-- Who was told; a notice that ran out before it went told nobody.
SELECT t.alert, t.kind, t.who, t.channel, t.class, t.at, o.sent_at
  FROM told t LEFT JOIN outbox o ON o.id = t.outbox
 WHERE t.alert = ANY(%(alerts)s) AND (o.id IS NULL OR o.sent_at IS NOT NULL OR o.next_at <> 'infinity')
 ORDER BY t.id;

-- name: waivers_of
-- The acts of waiving that are, or were, about a duty.
SELECT w.id, CASE WHEN w.duty IS NOT NULL THEN 'duty' WHEN w.round IS NOT NULL THEN 'round' ELSE 'span' END AS of,
       w.why, w.made_by, w.made_at, w.ended_by, w.ended_at, w.id IS NOT DISTINCT FROM d.waiver AS in_force
  FROM duty d JOIN waiver w ON w.duty = d.key OR w.round IS NOT NULL OR w.until >= d.due_at
 WHERE d.id = %(id)s AND waiver_covers(w, d)
 ORDER BY w.id;

-- name: objections_of
-- The objections to a duty's verdicts.
SELECT o.id, o.duty, d.rule, d.subject, coalesce(d.context->>'checkpoint', d.context->>'name') AS name, o.unit, d.grid,
       d.opens_at, d.due_at, o.account, o.text, o.verdict, d.verdict AS verdict_now, o.made_at, o.state, o.remedy,
       o.answer, o.answered_by, o.answered_at, o.seen_at
  FROM objection o JOIN duty d ON d.id = o.duty
 WHERE o.duty = %(id)s ORDER BY o.id;
