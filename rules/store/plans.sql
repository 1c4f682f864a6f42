-- name: stage
-- Where a rule's plan lies beside the duties there are; private to the connection, emptied at each commit.
CREATE TEMP TABLE IF NOT EXISTS plan_duty (
  rule text, key text PRIMARY KEY, subject text, unit text, round text, grid text, opens_at timestamptz,
  due_at timestamptz, settles_at timestamptz, final_at timestamptz, judge_at timestamptz, context jsonb
) ON COMMIT DELETE ROWS;

-- name: empty
-- The next rule's plan.
DELETE FROM plan_duty;

-- name: copy
-- The columns in the order of rules.store.plans._row.
COPY plan_duty (rule, key, subject, unit, round, grid, opens_at, due_at, settles_at, final_at, judge_at, context)
  FROM STDIN;

-- name: count
-- Without it the database takes a large plan for a small one.
ANALYZE plan_duty;

-- name: insert_rounds
-- Rounds of the plan; those made before stay as they are.
INSERT INTO round (key, shift, route, unit, grid, starts_at, ends_at)
SELECT x.key, x.shift, x.route, x.unit, x.grid, x.starts_at, x.ends_at
  FROM jsonb_to_recordset(%(rows)s) AS x(key text, shift text, route text, unit text, grid text,
                                         starts_at timestamptz, ends_at timestamptz)
 WHERE NOT EXISTS (SELECT 1 FROM round r WHERE r.key = x.key)
ON CONFLICT (key) DO NOTHING;

-- name: insert_duties
-- Duties of the plan; those made before stay as they are. What has settled long ago is judged at once.
INSERT INTO duty (rule, key, subject, unit, round, grid, opens_at, due_at, settles_at, final_at, state, judge_at,
                  context)
SELECT x.rule, x.key, x.subject, x.unit, r.id, x.grid, x.opens_at, x.due_at, x.settles_at, x.final_at, 'planned',
       x.judge_at, x.context
  FROM plan_duty x
  LEFT JOIN round r ON r.key = x.round
 WHERE NOT EXISTS (SELECT 1 FROM duty d WHERE d.key = x.key)
 ORDER BY x.opens_at, x.key
ON CONFLICT (key) DO NOTHING
RETURNING id, rule;

-- name: retract_duties
-- Duties of a rule that have not begun and are not in the plan as it is now; nobody was told of them yet.
DELETE FROM duty d
 WHERE d.rule = %(rule)s AND d.state = 'planned' AND d.verdict IS NULL AND d.opens_at > %(now)s
   AND (%(units)s::text[] IS NULL OR d.unit = ANY(%(units)s))
   AND NOT EXISTS (SELECT 1 FROM plan_duty x
                    WHERE x.key = d.key AND x.opens_at = d.opens_at AND x.due_at = d.due_at
                      AND x.settles_at = d.settles_at AND x.unit IS NOT DISTINCT FROM d.unit);

-- name: retract_rounds
-- Rounds that have not begun and have no duty left.
DELETE FROM round r WHERE r.starts_at > %(now)s AND NOT EXISTS (SELECT 1 FROM duty d WHERE d.round = r.id);

-- name: supersede_duties
-- Duties of a rule that have begun and are not in the plan as it is now; their keys are free for what is.
UPDATE duty d SET state = 'superseded', superseded_at = %(now)s, judge_at = NULL, key = d.key || '~' || d.id,
                  superseded_why = CASE WHEN EXISTS (SELECT 1 FROM plan_duty x WHERE x.key = d.key)
                                   THEN 'changed' ELSE 'not_planned' END
 WHERE d.rule = %(rule)s AND d.state <> 'superseded' AND d.due_at > %(since)s AND d.opens_at <= %(now)s
   AND (%(units)s::text[] IS NULL OR d.unit = ANY(%(units)s))
   AND NOT EXISTS (SELECT 1 FROM plan_duty x
                    WHERE x.key = d.key AND x.opens_at = d.opens_at AND x.due_at = d.due_at
                      AND x.unit IS NOT DISTINCT FROM d.unit)
RETURNING d.id, d.round;

-- name: supersede_rounds
-- Of the rounds of superseded duties, those that have no other.
UPDATE round r SET superseded_at = %(now)s, key = r.key || '~' || r.id
 WHERE r.id = ANY(%(rounds)s) AND r.superseded_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM duty d WHERE d.round = r.id AND d.state <> 'superseded')
RETURNING left(r.key, - length('~' || r.id)) AS key;

-- name: told
-- The alerts about superseded duties and rounds that still stand as they were raised.
SELECT DISTINCT fingerprint FROM alert
 WHERE rule = %(rule)s AND class <> 'withdrawn'
   AND (duty = ANY(%(duties)s) OR (duty IS NULL AND subject = ANY(%(rounds)s)));

-- name: judge_rounds
-- What is left of a round is looked at again: it may share an alert.
UPDATE duty SET judge_at = %(now)s
 WHERE round = ANY(%(rounds)s) AND state <> 'superseded' AND verdict IS NOT NULL;

-- name: adjust
-- Duties that stay: where they belong, and when their data should be there as long as that lies ahead.
UPDATE duty d
   SET grid = x.grid, context = x.context,
       settles_at = CASE WHEN ahead THEN x.settles_at ELSE d.settles_at END,
       final_at = CASE WHEN ahead THEN x.final_at ELSE d.final_at END,
       judge_at = CASE WHEN ahead AND d.judge_at = d.settles_at THEN x.settles_at ELSE d.judge_at END
  FROM (SELECT p.*, o.id, o.settles_at > %(now)s AND o.verdict IS NULL AS ahead
          FROM plan_duty p JOIN duty o ON o.key = p.key) AS x
 WHERE d.id = x.id
   AND ((d.grid, d.context) IS DISTINCT FROM (x.grid, x.context) OR (ahead AND d.settles_at <> x.settles_at));

-- name: judge_touched
-- Duties that have begun and whose world was corrected: what is found may be something else now. A waived
-- one stays so, and one whose readings are gone. What is asked of no unit in particular may be anybody's.
UPDATE duty d SET judge_at = %(now)s
 WHERE d.rule = ANY(%(rules)s) AND d.state <> 'superseded' AND d.verdict IS DISTINCT FROM 'waived'
   AND d.opens_at <= %(now)s AND d.due_at > %(floor)s
   AND d.opens_at - interval '1 hour' >= coalesce((SELECT at FROM storage_edge WHERE name = 'dropped'), '-infinity')
   AND d.settles_at + CASE WHEN d.rule = ANY(%(lasting)s) THEN interval '1 day' ELSE interval '0' END > %(since)s
   AND (%(until)s::timestamptz IS NULL OR d.opens_at - interval '1 hour' < %(until)s)
   AND (%(units)s::text[] IS NULL OR d.unit IS NULL OR d.unit = ANY(%(units)s))
   AND (%(subjects)s::text[] IS NULL OR d.subject = ANY(%(subjects)s))
   AND (d.judge_at IS NULL OR d.judge_at > %(now)s);

-- name: set_apart
-- A final verdict that a correction changes: the old duty stays as it was, a new one takes its key.
WITH old AS (
  UPDATE duty SET state = 'superseded', superseded_at = %(now)s, superseded_why = 'corrected', judge_at = NULL,
                  key = key || '~' || id
   WHERE id = %(id)s
  RETURNING *
)
INSERT INTO duty (rule, key, subject, unit, round, grid, opens_at, due_at, settles_at, final_at, state, context)
SELECT rule, left(key, - length('~' || id)), subject, unit, round, grid, opens_at, due_at, settles_at, final_at, 'final',
       context
  FROM old
RETURNING id;

-- name: planned
-- Up to when ended rounds have been planned, and since when there has been a plan; NULL before the first.
SELECT planned_until, planned_from FROM rules_leader;

-- name: set_planned
-- Everything that ended before this has its duties.
UPDATE rules_leader SET planned_until = greatest(planned_until, %(at)s), planned_from = coalesce(planned_from, %(at)s);

-- name: changes
-- What changed in the plans and was not planned anew yet.
SELECT id, kind, subject, since, until FROM plan_change ORDER BY id;

-- name: forget_changes
-- Changes that were read and acted upon.
DELETE FROM plan_change WHERE id = ANY(%(ids)s);

-- name: wake_turns
-- Of an ordered round, one point's proof says whether another came in its turn; those that are met as well.
UPDATE duty d SET judge_at = %(now)s
 WHERE d.round IN (SELECT o.round FROM duty o
                    WHERE o.rule = ANY(%(rules)s) AND o.subject = ANY(%(subjects)s) AND o.judge_at = %(now)s
                      AND o.context ? 'ordered')
   AND d.verdict IS NOT NULL AND d.state NOT IN ('final', 'superseded') AND (d.judge_at IS NULL OR d.judge_at > %(now)s);
