-- name: register
-- The devices that speak: one in ten drives, one in ten is a radio, the others are handsets.
INSERT INTO device (name, kind)
SELECT 'bench-' || n, CASE n %% 10 WHEN 0 THEN 'vehicle' WHEN 5 THEN 'radio' ELSE 'handset' END
  FROM generate_series(0, %(devices)s - 1) AS n
ON CONFLICT (name) DO NOTHING;

-- name: box
-- Corners of the finest grids, degrees.
SELECT min((point->>1)::float) AS south, min((point->>0)::float) AS west,
       max((point->>1)::float) AS north, max((point->>0)::float) AS east
  FROM grid g, jsonb_array_elements(g.geometry->'coordinates'->0) AS point
 WHERE g.valid_to IS NULL AND g.hierarchy = 'patrol' AND g.level = (SELECT max(level) FROM grid WHERE hierarchy = 'patrol') AND g.geometry->>'type' = 'Polygon';

-- name: world
-- How much there is to match against.
SELECT (SELECT count(*) FROM grid g
         WHERE valid_to IS NULL AND hierarchy = 'patrol' AND NOT EXISTS (SELECT FROM grid c WHERE c.parent = g.code)) AS grids,
       (SELECT count(*) FROM checkpoint WHERE valid_to IS NULL) AS checkpoints;

-- name: empty
-- As after the installation, but for the world and the devices.
TRUNCATE position, reading, last_known, dirty_mark, touched_hour, position_hour, quarantine, ingest_counter,
         ingest_progress;

-- name: forget_runs
-- Counters and marks of the run before; what it stored stays.
TRUNCATE dirty_mark, ingest_counter, ingest_progress;

-- name: fill
-- So many more rows of the same devices on this very day, from its beginning to now, in the order of the key.
INSERT INTO position (device, time, digest, lat, lon, accuracy, speed, heading, altitude, battery, flags, grid,
                      received_at)
SELECT number, at, hashint8(extract(epoch FROM at)::bigint # number), 306900000 + number, 1112800000 + step, 50, 130,
       900, 61, 83, 0, NULL, at
  FROM (SELECT d.number, s.step,
               day + (now() - day) * ((s.step + d.number / 1e7) / %(steps_of_all)s) AS at
          FROM device d, generate_series(%(step_from)s::int, %(step_to)s::int) AS s (step),
               LATERAL (SELECT date_trunc('day', now(), 'UTC') AS day) AS today
         WHERE d.name LIKE 'bench-%%' AND substr(d.name, 7)::int < %(devices)s
         ORDER BY d.number, s.step) AS fixes;

-- name: rows
-- Rows of fixes.
SELECT count(*) AS rows FROM position;

-- name: counted
-- What ingest has counted for fixes, in the transactions that stored them.
SELECT coalesce(sum(value) FILTER (WHERE name = 'received'), 0)::bigint AS received,
       coalesce(sum(value) FILTER (WHERE name = 'stored'), 0)::bigint AS stored,
       coalesce(sum(value) FILTER (WHERE name = 'repeated'), 0)::bigint AS repeated,
       coalesce(sum(value) FILTER (WHERE name IN ('quarantined', 'ignored', 'withheld')), 0)::bigint AS other
  FROM ingest_counter WHERE lane = %(lane)s;

-- name: hearing
-- Lanes whose session stands.
SELECT count(*) AS lanes FROM ingest_progress WHERE hears;

-- name: now
-- The server's clock.
SELECT clock_timestamp() AS now;

-- name: lag_of_positions
-- Milliseconds from the moment of publishing, which the fixes carry as their time, to the moment of their commit.
SELECT count(*) AS readings, percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY ms) AS quantiles, max(ms) AS most
  FROM (SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - time)::float * 1000 AS ms
          FROM position WHERE time >= %(since)s AND time < %(until)s) AS lag;

-- name: lag_of_urgent
-- The same for urgent readings.
SELECT count(*) AS readings, percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY ms) AS quantiles, max(ms) AS most
  FROM (SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - time)::float * 1000 AS ms
          FROM reading WHERE time >= %(since)s AND time < %(until)s) AS lag;
