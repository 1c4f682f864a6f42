-- name: stage_positions
-- Where a batch lands before duplicates are taken out; private to the connection, emptied at each commit.
CREATE TEMP TABLE IF NOT EXISTS staging_position (LIKE position INCLUDING DEFAULTS) ON COMMIT DELETE ROWS;

-- name: stage_readings
-- The same for readings that are not positions.
CREATE TEMP TABLE IF NOT EXISTS staging_reading (LIKE reading INCLUDING DEFAULTS) ON COMMIT DELETE ROWS;

-- name: copy_direct
-- Straight into the table; one row that is there already refuses them all. The columns in the order of ingest.pack.
COPY position (device, time, digest, lat, lon, accuracy, speed, heading, altitude, battery, flags, grid, boot, seq,
               received_at) FROM STDIN (FORMAT binary);

-- name: copy_staging
-- The same rows to where duplicates are taken out.
COPY staging_position (device, time, digest, lat, lon, accuracy, speed, heading, altitude, battery, flags, grid, boot,
                       seq, received_at) FROM STDIN (FORMAT binary);

-- name: copy_reading
-- The columns in the order of ingest.others.Other.row.
COPY staging_reading (device, time, digest, type, lat, lon, flags, grid, boot, seq, received_at, body)
  FROM STDIN (FORMAT binary);

-- name: keep_positions
-- What is new; the key makes a repetition harmless.
INSERT INTO position SELECT * FROM staging_position ORDER BY device, time ON CONFLICT DO NOTHING;

-- name: keep_readings
-- Likewise. One without a time of its own (flag 8) has a new time at each delivery, so it is known by its content when
-- the broker marked it (flag 64), and by its counters when its device says it again: for an hour only, because a device
-- that begins to count anew must still be heard. Its original may lie in the same batch.
INSERT INTO reading
SELECT * FROM staging_reading s
 WHERE s.flags & 8 = 0
    OR (s.flags & 64 = 0 AND (s.boot IS NULL OR s.seq IS NULL))
    OR NOT EXISTS (
       SELECT FROM reading r WHERE r.device = s.device AND r.digest = s.digest
          AND r.time >= s.time - CASE WHEN s.flags & 64 = 0 THEN interval '1 hour' ELSE interval '1 day' END
          AND r.time <= s.time + interval '1 hour'
       UNION ALL
       SELECT FROM staging_reading e WHERE e.device = s.device AND e.digest = s.digest AND e.time < s.time
          AND e.time >= s.time - CASE WHEN s.flags & 64 = 0 THEN interval '1 hour' ELSE interval '1 day' END)
 ORDER BY device, time
ON CONFLICT DO NOTHING;

-- name: hold_known
-- All rows that the next statements change, in the order of device: each has its own devices in that order, but two
-- writers of which each has a fix of one device and a word of the other would still wait for each other in a ring.
SELECT FROM last_known WHERE device = ANY(%(placed)s || %(heard)s) ORDER BY device FOR NO KEY UPDATE;

-- name: last_positions
-- Forward only, in the order of device, so that two workers never wait for each other in a ring. -32768 and 0 stand for
-- nothing, because arrays come without NULLs.
INSERT INTO last_known AS l (device, time, lat, lon, accuracy, speed, heading, altitude, flags, grid, battery,
                             battery_time, heard_at)
SELECT device, time, lat, lon, nullif(accuracy, -32768), nullif(speed, -32768), nullif(heading, -32768),
       nullif(altitude, -32768), flags, nullif(grid, 0), nullif(battery, -32768),
       CASE WHEN battery <> -32768 THEN time END, heard_at
  FROM unnest(%(device)s, %(time)s, %(lat)s, %(lon)s, %(accuracy)s, %(speed)s, %(heading)s, %(altitude)s, %(flags)s,
              %(grid)s, %(battery)s, %(heard_at)s)
       AS s (device, time, lat, lon, accuracy, speed, heading, altitude, flags, grid, battery, heard_at)
ON CONFLICT (device) DO UPDATE SET
  time     = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.time ELSE l.time END,
  lat      = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.lat ELSE l.lat END,
  lon      = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.lon ELSE l.lon END,
  accuracy = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.accuracy ELSE l.accuracy END,
  speed    = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.speed ELSE l.speed END,
  heading  = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.heading ELSE l.heading END,
  altitude = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.altitude ELSE l.altitude END,
  flags    = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.flags ELSE l.flags END,
  grid     = CASE WHEN l.time IS NULL OR excluded.time > l.time THEN excluded.grid ELSE l.grid END,
  battery  = CASE WHEN excluded.battery_time > coalesce(l.battery_time, '-infinity') THEN excluded.battery ELSE l.battery END,
  battery_time = greatest(l.battery_time, excluded.battery_time),
  heard_at = greatest(l.heard_at, excluded.heard_at);

-- name: last_heard
-- Whoever spoke was heard, whatever it said.
INSERT INTO last_known AS l (device, heard_at)
SELECT * FROM unnest(%(device)s, %(heard_at)s)
ON CONFLICT (device) DO UPDATE SET heard_at = greatest(l.heard_at, excluded.heard_at);

-- name: last_batteries
-- The battery, from status and equipment readings.
UPDATE last_known l SET battery = s.battery, battery_time = s.time
  FROM (SELECT DISTINCT ON (device) device, least(time, received_at) AS time,
               round((body->>'battery_pct')::numeric)::smallint AS battery
          FROM staging_reading WHERE body ? 'battery_pct' ORDER BY device, time DESC, digest) s
 WHERE l.device = s.device AND s.time > coalesce(l.battery_time, '-infinity');

-- name: last_charges
-- The charge of the vehicle that a device sits in, from status readings.
UPDATE last_known l SET charge = s.charge, charge_time = s.time
  FROM (SELECT DISTINCT ON (device) device, least(time, received_at) AS time,
               round((body->>'charge_pct')::numeric)::smallint AS charge
          FROM staging_reading WHERE body ? 'charge_pct' ORDER BY device, time DESC, digest) s
 WHERE l.device = s.device AND s.time > coalesce(l.charge_time, '-infinity');

-- name: last_equipment
-- What a tag measured last.
UPDATE last_known l SET equipment = s.body, equipment_time = s.time
  FROM (SELECT DISTINCT ON (device) device, least(time, received_at) AS time, body
          FROM staging_reading WHERE type = 'equipment' ORDER BY device, time DESC, digest) s
 WHERE l.device = s.device AND s.time > coalesce(l.equipment_time, '-infinity');

-- name: touch_hours
-- The hours whose rollup this batch makes stale.
INSERT INTO touched_hour (hour) SELECT * FROM unnest(%(hours)s) ON CONFLICT DO NOTHING;

-- name: mark
-- Wake a judgement.
INSERT INTO dirty_mark (kind, subject, window_from, window_to)
SELECT * FROM unnest(%(kinds)s::text[], %(subjects)s::text[], %(froms)s::timestamptz[], %(tos)s::timestamptz[]);

-- name: quarantine
-- Keyed by what was said and where: saying it again counts, it does not pile up.
INSERT INTO quarantine AS q (digest, topic, payload, codec, reason, detail, received_at, last_at, nonce)
VALUES (%(digest)s, %(topic)s, %(payload)s, %(codec)s, %(reason)s, %(detail)s, %(received_at)s, %(received_at)s,
        %(nonce)s)
ON CONFLICT (digest) DO UPDATE SET times = least(q.times, 2147483646) + 1, last_at = greatest(q.last_at, excluded.last_at),
  reason = excluded.reason, detail = excluded.detail, replayed_at = NULL;

-- name: count
-- What this batch did, in the transaction that did it.
INSERT INTO ingest_counter AS c (worker, lane, name, reason, value)
SELECT %(worker)s, %(lane)s, * FROM unnest(%(names)s::text[], %(reasons)s::text[], %(values)s::bigint[])
ON CONFLICT (worker, lane, name, reason) DO UPDATE SET value = c.value + excluded.value;
