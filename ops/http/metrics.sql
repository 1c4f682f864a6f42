-- name: ingest_counters
SELECT worker, lane, name, reason, value FROM ingest_counter ORDER BY worker, lane, name, reason;

-- name: ingest_beats
SELECT worker, lane, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS age_s,
       extract(epoch FROM clock_timestamp() - caught_up_to)::float8 AS behind_s
  FROM ingest_progress WHERE drained_at IS NULL ORDER BY worker, lane;

-- name: ingest_unaccounted
-- Received less all that became of it; what was released was counted when it was withheld.
SELECT worker, lane,
       sum(CASE name WHEN 'received' THEN value WHEN 'unbalanced' THEN 0 WHEN 'released' THEN 0 ELSE -value END)::float8
       AS value
  FROM ingest_counter GROUP BY worker, lane ORDER BY worker, lane;

-- name: open_alerts
SELECT rule, severity, state, count(*)::float8 AS value
  FROM alert WHERE state <> 'resolved' GROUP BY rule, severity, state ORDER BY rule, severity, state;

-- name: outbox_waiting
SELECT channel, count(*)::float8 AS value FROM outbox WHERE sent_at IS NULL GROUP BY channel ORDER BY channel;

-- name: totals
SELECT (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL) AS quarantine_waiting,
       (SELECT count(*) FROM dirty_mark) AS dirty_marks,
       (SELECT count(*) FROM ticket WHERE state = 'open') AS tickets_open,
       (SELECT count(*) FROM incident WHERE closed_at IS NULL) AS incidents_open,
       (SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 FROM rules_leader) AS rules_age_s;
