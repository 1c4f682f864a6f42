-- name: ingest_beats
-- Lanes of workers that have not said goodbye; `behind_s` counts no longer than the lane has heard the broker.
SELECT worker, lane, hears, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS age_s,
       extract(epoch FROM clock_timestamp() - greatest(caught_up_to, up_since))::float8 AS behind_s
  FROM ingest_progress WHERE drained_at IS NULL ORDER BY worker, lane;

-- name: rules_beat
SELECT holder, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS age_s FROM rules_leader;

-- name: broker_disk_full
-- The rule's own word, so that its settings hold here, too.
SELECT title FROM alert WHERE fingerprint = 'broker_disk:full' AND state <> 'resolved' LIMIT 1;
