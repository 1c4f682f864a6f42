-- name: silent
-- How long ago a worker gave its last sign of life; NULL when it never did.
SELECT extract(epoch FROM now() - max(beat_at))::float8 AS seconds FROM ingest_progress WHERE worker = %(worker)s;

-- name: others
-- Which other workers hear the broker on both lanes.
SELECT worker FROM ingest_progress
 WHERE worker <> %(worker)s AND hears AND beat_at > now() - %(gone_s)s * interval '1 second'
 GROUP BY worker HAVING count(*) = 2;

-- name: forget
-- The worker is gone for good, so nobody waits for it; what it counted stays.
DELETE FROM ingest_progress WHERE worker = %(worker)s;
