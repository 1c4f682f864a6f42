-- name: ingest_beats
SELECT worker, lane, hears, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS age_s
  FROM ingest_progress ORDER BY worker, lane;

-- name: rules_beat
SELECT holder, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS age_s FROM rules_leader;
