-- name: progress
-- This lane has committed just now.
INSERT INTO ingest_progress AS p (worker, lane, up_since, hears, beat_at, committed_at, caught_up_to)
VALUES (%(worker)s, %(lane)s, %(up_since)s, %(hears)s, now(), now(), coalesce(%(caught_up_to)s::timestamptz, now()))
ON CONFLICT (worker, lane) DO UPDATE
  SET up_since = excluded.up_since, hears = excluded.hears, beat_at = excluded.beat_at,
      committed_at = excluded.committed_at, drained_at = NULL,
      caught_up_to = greatest(CASE WHEN p.drained_at IS NULL THEN p.caught_up_to ELSE now() END,
                              %(caught_up_to)s::timestamptz);

-- name: beat
-- This lane is alive, with or without work. A new one, or one that had said goodbye, has nothing to catch up with.
INSERT INTO ingest_progress AS p (worker, lane, up_since, hears, beat_at)
VALUES (%(worker)s, %(lane)s, %(up_since)s, %(hears)s, now())
ON CONFLICT (worker, lane) DO UPDATE
  SET up_since = excluded.up_since, hears = excluded.hears, beat_at = excluded.beat_at, drained_at = NULL,
      caught_up_to = CASE WHEN p.drained_at IS NULL THEN p.caught_up_to ELSE now() END
RETURNING beat_at;

-- name: goodbye
-- It has stopped on purpose, with nothing left to do.
UPDATE ingest_progress SET drained_at = now() WHERE worker = %(worker)s;

-- name: silent_for
-- How long a worker that has not said goodbye has given no sign of life, by the database's clock.
SELECT extract(epoch FROM now() - max(beat_at))::float8 AS silent_s
  FROM ingest_progress WHERE worker = %(worker)s AND drained_at IS NULL;
