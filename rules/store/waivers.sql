-- name: insert
-- One act of waiving.
INSERT INTO waiver (duty, round, unit, grid, rules, since, until, why, made_by, made_at)
VALUES (%(duty)s, %(round)s, %(unit)s, %(grid)s, %(rules)s, %(since)s, %(until)s, %(why)s, %(actor)s, %(at)s)
RETURNING id;

-- name: reach
-- How many duties a span would cover, by rule; what it only cuts is counted apart.
WITH w AS (SELECT * FROM jsonb_populate_record(NULL::waiver, %(terms)s))
SELECT d.rule,
       count(*) FILTER (WHERE waiver_covers(w, d) AND d.waived_at IS NULL) AS new,
       count(*) FILTER (WHERE waiver_covers(w, d) AND d.waived_at IS NOT NULL) AS waived,
       count(*) FILTER (WHERE NOT waiver_covers(w, d)) AS beyond
  FROM w JOIN duty d ON d.due_at > w.since AND d.opens_at < w.until AND d.state <> 'superseded'
   AND (w.unit IS NULL OR d.unit = w.unit)
   AND (w.rules IS NULL OR d.rule = ANY (w.rules))
   AND (w.grid IS NULL OR d.grid IN (SELECT grids_within(w.grid)))
 GROUP BY d.rule ORDER BY d.rule;

-- name: within
-- The duties that an act is about: by key, by round, or within the span.
SELECT d.id FROM waiver w JOIN duty d ON d.key = w.duty WHERE w.id = %(waiver)s
UNION ALL
SELECT d.id FROM waiver w JOIN round r ON r.key = w.round JOIN duty d ON d.round = r.id WHERE w.id = %(waiver)s
UNION ALL
SELECT d.id FROM waiver w JOIN duty d ON d.due_at >= w.since AND d.due_at <= w.until AND waiver_covers(w, d)
 WHERE w.id = %(waiver)s;

-- name: cover
-- Three ways to an act that may be about a duty, each by an index; the oldest one in force counts.
WITH d AS (
  SELECT * FROM duty WHERE id = ANY(%(ids)s) AND waiver IS NULL AND state <> 'superseded' ORDER BY id FOR NO KEY UPDATE
),
found AS (
  SELECT d.id, w.id AS waiver FROM d JOIN waiver w ON w.duty = d.key WHERE w.ended_at IS NULL
  UNION ALL
  SELECT d.id, w.id FROM d JOIN round r ON r.id = d.round JOIN waiver w ON w.round = r.key WHERE w.ended_at IS NULL
  UNION ALL
  SELECT o.id, w.id FROM d JOIN duty o ON o.id = d.id
    JOIN waiver w ON w.until >= o.due_at AND w.since <= o.opens_at AND waiver_covers(w, o) WHERE w.ended_at IS NULL
)
UPDATE duty SET waiver = w.id, waived_at = w.made_at, waived_by = w.made_by, waived_why = w.why
  FROM (SELECT id, min(waiver) AS waiver FROM found GROUP BY id) AS f JOIN waiver w ON w.id = f.waiver
 WHERE duty.id = f.id RETURNING duty.id;

-- name: uncover
-- As if nobody had waived them; what was superseded stays as it was.
UPDATE duty SET waiver = NULL, waived_at = NULL, waived_by = NULL, waived_why = NULL
 WHERE id = ANY(%(ids)s) AND state <> 'superseded';

-- name: is_of_one
-- Whether an act is of one duty alone.
SELECT duty IS NOT NULL AS it FROM waiver WHERE id = %(waiver)s;

-- name: end
-- Take an act back; the first one who does counts.
UPDATE waiver SET ended_by = coalesce(ended_by, %(actor)s), ended_at = coalesce(ended_at, %(at)s)
 WHERE id = %(waiver)s RETURNING id;

-- name: of_waiver
-- The duties that bear an act.
SELECT id FROM duty WHERE waiver = %(waiver)s ORDER BY id FOR NO KEY UPDATE;

-- name: mark
-- Have duties judged again.
INSERT INTO dirty_mark (kind, subject, window_from, window_to, made_at)
SELECT 'duty', id::text, opens_at, due_at, %(at)s FROM duty WHERE id = ANY(%(ids)s);

-- name: wake
-- Those that have not begun stay asleep: their plan may still change.
UPDATE duty SET judge_at = %(now)s WHERE id = ANY(%(ids)s) AND opens_at <= %(now)s AND state <> 'superseded';
