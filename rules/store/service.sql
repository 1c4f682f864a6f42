-- name: caught_up_to
-- A worker that died stands still here until it has worked off its queue, or it is known to be gone for good.
SELECT min(caught_up_to) AS it FROM ingest_progress WHERE drained_at IS NULL;

-- name: lanes
-- Ages by the database's clock, which wrote the beats.
SELECT worker, lane, beat_at, extract(epoch FROM now() - beat_at)::float8 AS silent_s,
       caught_up_to, extract(epoch FROM now() - caught_up_to)::float8 AS behind_s
  FROM ingest_progress WHERE drained_at IS NULL ORDER BY worker, lane;

-- name: excesses
-- Devices that were told to hold back within the last ten minutes.
SELECT device, min(since) AS since, max(last_at) AS last_at, sum(readings)::bigint AS readings
  FROM device_excess WHERE last_at > now() - interval '10 minutes' GROUP BY device ORDER BY device;

-- name: sums
-- One statement, so that all numbers are of one moment.
SELECT worker, lane,
       coalesce(sum(value) FILTER (WHERE name = 'received'), 0)::bigint AS received,
       coalesce(sum(value) FILTER (WHERE name = 'stored'), 0)::bigint AS stored,
       coalesce(sum(value) FILTER (WHERE name = 'repeated'), 0)::bigint AS repeated,
       coalesce(sum(value) FILTER (WHERE name = 'ignored'), 0)::bigint AS ignored,
       coalesce(sum(value) FILTER (WHERE name = 'quarantined'), 0)::bigint AS quarantined,
       coalesce(sum(value) FILTER (WHERE name = 'withheld'), 0)::bigint AS withheld,
       coalesce(sum(value) FILTER (WHERE name = 'unbalanced'), 0)::bigint AS lost
  FROM ingest_counter GROUP BY worker, lane ORDER BY worker, lane;

-- name: broker_disk
-- Its age by the database's clock, which wrote it.
SELECT store_free_bytes AS free_bytes, store_size_bytes AS size_bytes, store_looked_at AS looked_at,
       extract(epoch FROM clock_timestamp() - store_looked_at)::float8 AS age_s
  FROM broker_state WHERE store_looked_at IS NOT NULL;
