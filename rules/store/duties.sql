-- name: insert_rounds
-- Rounds of the plan; those made before stay as they are.
INSERT INTO round (key, shift, route, unit, grid, starts_at, ends_at)
SELECT x.key, x.shift, x.route, x.unit, x.grid, x.starts_at, x.ends_at
  FROM jsonb_to_recordset(%(rows)s) AS x(key text, shift text, route text, unit text, grid text,
                                         starts_at timestamptz, ends_at timestamptz)
 WHERE NOT EXISTS (SELECT 1 FROM round r WHERE r.key = x.key)
ON CONFLICT (key) DO NOTHING;

-- name: insert_duties
-- Duties of the plan; those made before stay as they are.
INSERT INTO duty (rule, key, subject, unit, round, grid, opens_at, due_at, settles_at, final_at, state, judge_at,
                  context)
SELECT x.rule, x.key, x.subject, x.unit, r.id, x.grid, x.opens_at, x.due_at, x.settles_at, x.final_at, 'planned',
       x.judge_at, x.context
  FROM jsonb_to_recordset(%(rows)s) AS x(rule text, key text, subject text, unit text, round text, grid text,
                                         opens_at timestamptz, due_at timestamptz, settles_at timestamptz,
                                         final_at timestamptz, judge_at timestamptz, context jsonb)
  LEFT JOIN round r ON r.key = x.round
 WHERE NOT EXISTS (SELECT 1 FROM duty d WHERE d.key = x.key)
ON CONFLICT (key) DO NOTHING
RETURNING id, rule;

-- name: retract_duties
-- Duties of a rule that have not begun and are not in the plan as it is now; nobody was told of them yet.
DELETE FROM duty d
 WHERE d.rule = %(rule)s AND d.state = 'planned' AND d.verdict IS NULL AND d.opens_at > %(now)s
   AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset(%(rows)s)
                     AS x(key text, opens_at timestamptz, due_at timestamptz, settles_at timestamptz)
                    WHERE x.key = d.key AND x.opens_at = d.opens_at AND x.due_at = d.due_at
                      AND x.settles_at = d.settles_at);

-- name: retract_rounds
-- Rounds that have not begun and have no duty left.
DELETE FROM round r WHERE r.starts_at > %(now)s AND NOT EXISTS (SELECT 1 FROM duty d WHERE d.round = r.id);

-- name: wake_unplanned
-- Judge at once the live duties of a rule that its planner no longer names.
UPDATE duty SET judge_at = %(now)s
 WHERE rule = %(rule)s AND state <> 'final' AND NOT key = ANY(%(keys)s) AND (judge_at IS NULL OR judge_at > %(now)s);

-- name: wake
-- Judge at once the live duties that dirty marks touch. A visit can hardly become better than met, so those sleep on
-- until they settle; finalising recomputes in any case. An hour before the window and all of the settling after it
-- cover every early and late limit.
UPDATE duty d SET judge_at = %(now)s
  FROM unnest(%(subjects)s::text[], %(froms)s::timestamptz[], %(tos)s::timestamptz[]) AS m(subject, start, stop)
 WHERE d.rule = ANY(%(rules)s) AND d.subject = m.subject AND d.state <> 'final'
   AND d.verdict IS DISTINCT FROM 'met' AND (d.judge_at IS NULL OR d.judge_at > %(now)s)
   AND d.opens_at - interval '1 hour' <= m.stop
   AND m.start <= CASE WHEN %(open_ended)s THEN d.final_at ELSE d.settles_at END;

-- name: open
-- Windows that have begun.
UPDATE duty SET state = 'open' WHERE state = 'planned' AND opens_at <= %(now)s;

-- name: wait
-- Deadlines that have passed.
UPDATE duty SET state = 'waiting' WHERE state = 'open' AND due_at <= %(now)s;

-- name: due
-- A portion of what must be judged now, whole rounds together.
WITH first AS (
  SELECT id, round FROM duty WHERE judge_at <= %(now)s ORDER BY judge_at, id LIMIT %(limit)s
)
SELECT d.* FROM duty d
 WHERE d.judge_at <= %(now)s
   AND (d.id IN (SELECT id FROM first) OR d.round IN (SELECT round FROM first WHERE round IS NOT NULL))
 ORDER BY d.judge_at, d.id;

-- name: next_due
-- When the next duty must be judged.
SELECT min(judge_at) AS at FROM duty WHERE judge_at IS NOT NULL;

-- name: of_round
-- All duties of a round.
SELECT * FROM duty WHERE round = %(round)s ORDER BY id;

-- name: round
-- One round.
SELECT * FROM round WHERE id = %(round)s;

-- name: overdue
-- The live duties of a rule that are missed so far.
SELECT * FROM duty WHERE rule = %(rule)s AND state <> 'final' AND verdict = 'missed' ORDER BY id;

-- name: write
-- A duty after judgement.
UPDATE duty SET state = %(state)s, verdict = %(verdict)s, reasons = %(reasons)s, met_at = %(met_at)s,
                judged_at = %(judged_at)s, judge_at = %(judge_at)s, evidence = %(evidence)s
 WHERE id = %(id)s;

-- name: put_off
-- Try again later what could not be judged.
UPDATE duty SET judge_at = %(at)s WHERE id = ANY(%(ids)s);

-- name: insert_evidence
-- What a verdict rests on.
INSERT INTO evidence (made_at, body) VALUES (%(at)s, %(body)s) RETURNING id;

-- name: update_evidence
-- The same verdict on more or better fixes.
UPDATE evidence SET made_at = %(at)s, body = %(body)s WHERE id = %(id)s AND body <> %(body)s;

-- name: planned_until
-- Up to when ended rounds have been planned; NULL before the first plan.
SELECT planned_until FROM rules_leader;

-- name: set_planned_until
-- Everything that ended before this has its duties.
UPDATE rules_leader SET planned_until = greatest(planned_until, %(at)s);
