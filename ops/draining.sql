-- name: others
-- Which other workers hear the broker on both lanes.
SELECT worker FROM ingest_progress
 WHERE worker <> %(worker)s AND hears AND drained_at IS NULL AND beat_at > now() - %(gone_s)s * interval '1 second'
 GROUP BY worker HAVING count(*) = 2;
