-- name: wake_unplanned
-- Judge at once the live duties of a rule that its planner no longer names.
UPDATE duty SET judge_at = %(now)s
 WHERE rule = %(rule)s AND state NOT IN ('final', 'superseded') AND NOT key = ANY(%(keys)s) AND (judge_at IS NULL OR judge_at > %(now)s);

-- name: wake
-- Judge at once the live duties that dirty marks touch. A visit can hardly become better than met, so those sleep on
-- until they settle; finalising recomputes in any case. An hour before the window and all of the settling after it
-- cover every early and late limit.
UPDATE duty d SET judge_at = %(now)s
  FROM unnest(%(subjects)s::text[], %(froms)s::timestamptz[], %(tos)s::timestamptz[]) AS m(subject, start, stop)
 WHERE d.rule = ANY(%(rules)s) AND d.subject = m.subject
   AND d.state NOT IN ('final', 'superseded')
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
  JOIN (SELECT id FROM first
        UNION SELECT o.id FROM duty o WHERE o.judge_at <= %(now)s AND o.round IN (SELECT round FROM first)) AS chosen
 USING (id)
 ORDER BY d.judge_at, d.id;

-- name: next_due
-- When the next duty must be judged.
SELECT min(judge_at) AS at FROM duty WHERE judge_at IS NOT NULL;

-- name: rounds
-- Some rounds.
SELECT id, key, shift, route, unit, grid, starts_at, ends_at FROM round WHERE id = ANY(%(rounds)s);

-- name: of_rounds
-- All duties of some rounds that are still wanted.
SELECT * FROM duty WHERE round = ANY(%(rounds)s) AND state <> 'superseded' ORDER BY id;

-- name: overdue
-- The live duties of a rule that are missed so far.
SELECT * FROM duty WHERE rule = %(rule)s AND state NOT IN ('final', 'superseded') AND verdict = 'missed' ORDER BY id;

-- name: write
-- Duties after judgement.
UPDATE duty d SET state = x.state, verdict = x.verdict, reasons = x.reasons, met_at = x.met_at, judged_at = %(at)s,
                  judge_at = x.judge_at, evidence = x.evidence
  FROM jsonb_to_recordset(%(rows)s) AS x(id bigint, state text, verdict text, reasons jsonb, met_at timestamptz,
                                         judge_at timestamptz, evidence bigint)
 WHERE d.id = x.id;

-- name: put_off
-- Try again later what could not be judged.
UPDATE duty SET judge_at = %(at)s WHERE id = ANY(%(ids)s);

-- name: new_evidence
-- Numbers for evidence that is to be written.
SELECT nextval(pg_get_serial_sequence('evidence', 'id')) AS id FROM generate_series(1, %(count)s);

-- name: write_evidence
-- What verdicts rest on; the same verdict on more or better fixes overwrites.
INSERT INTO evidence (id, made_at, body) OVERRIDING SYSTEM VALUE
SELECT x.id, %(at)s, x.body FROM jsonb_to_recordset(%(rows)s) AS x(id bigint, body jsonb)
ON CONFLICT (id) DO UPDATE SET made_at = excluded.made_at, body = excluded.body WHERE evidence.body <> excluded.body;
