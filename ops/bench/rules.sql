-- name: clear
-- Nothing of the plan, the readings and what came of them is left; the sample town's territory stays.
TRUNCATE position, reading, last_known, dirty_mark, touched_hour, position_hour, ingest_counter, ingest_progress,
         alert_history, alert, ticket, duty, round, evidence, incident, outbox, rules_leader, shift, route, checkpoint,
         custody, unit, post, equipment RESTART IDENTITY CASCADE;

-- name: lead
-- As if a worker had led until shortly ago and had planned up to a moment.
INSERT INTO rules_leader (holder, fence, pid, beat_at, planned_until)
VALUES ('bench', 1, 0, now() - interval '1 day', %(planned_until)s)
ON CONFLICT (one) DO UPDATE SET planned_until = excluded.planned_until;

-- name: units
-- So many units on foot, a hundred in a town, each with a handset.
INSERT INTO unit (code, name, kind) SELECT 'B-' || n, 'Unit ' || n, 'foot' FROM generate_series(0, %(units)s - 1) AS n;

-- name: handsets
-- All of one kind, so that all duties of a moment settle together.
UPDATE device SET kind = 'handset' WHERE name LIKE 'bench-%%' AND kind <> 'handset';

-- name: custody
-- Each holds the device of its number.
INSERT INTO custody (device, holder_kind, holder)
SELECT number, 'unit', 'B-' || substr(name, 7) FROM device
 WHERE name LIKE 'bench-%%' AND substr(name, 7)::int < %(units)s;

-- name: checkpoints
-- Ten points for each unit, 150 m apart on a line to the east; towns lie 10 km apart, units of a town 100 m.
INSERT INTO checkpoint (code, name, lat, lon, radius_m)
SELECT 'P-' || n || '-' || k, 'Point ' || k, 20 + (n / 100) * 0.1 + (n %% 100) * 0.0009, 111 + k * 0.0015, 30
  FROM generate_series(0, %(units)s - 1) AS n, generate_series(0, 9) AS k;

-- name: routes
-- One for each unit, through its points.
INSERT INTO route (code, name, checkpoints, geometry)
SELECT 'R-' || n, 'Route ' || n, array(SELECT 'P-' || n || '-' || k FROM generate_series(0, 9) AS k), '{}'
  FROM generate_series(0, %(units)s - 1) AS n;

-- name: shifts
-- One round of an hour for each unit, on one day, a step later for each.
INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds, valid_from, valid_to)
SELECT 'bench', 'Bench', ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
       ((ends_at - interval '1 hour') AT TIME ZONE %(zone)s)::time, (ends_at AT TIME ZONE %(zone)s)::time, 'B-' || n,
       'R-' || n, 1, ends_at - interval '2 hours', ends_at
  FROM (SELECT n, %(ends_at)s::timestamptz + n * %(step_s)s * interval '1 second' AS ends_at
          FROM generate_series(0, %(units)s - 1) AS n) AS them;

-- name: walks
-- A fix each 30 s from a quarter of an hour before the round to a few minutes after it, through all points. Every
-- twentieth unit goes round its seventh point, every twentieth after that is out of sight for a quarter of an hour.
INSERT INTO position (device, time, digest, lat, lon, accuracy, speed, battery, flags, received_at)
SELECT device, at, hashint8(extract(epoch FROM at)::bigint # device), round(lat * 1e7), round(lon * 1e7), 60, 45, 80, 0, at
  FROM (SELECT d.number AS device, n, ends_at + s * interval '1 second' AS at, s,
               20 + (n / 100) * 0.1 + (n %% 100) * 0.0009
                 + CASE WHEN n %% 20 = 7 AND x BETWEEN 0.0085 AND 0.0095 THEN 0.0006 ELSE 0.00003 END AS lat,
               111 + x AS lon
          FROM (SELECT number, substr(name, 7)::int AS n FROM device
                 WHERE name LIKE 'bench-%%' AND substr(name, 7)::int < %(units)s) AS d,
               LATERAL (SELECT %(ends_at)s::timestamptz + d.n * %(step_s)s * interval '1 second' AS ends_at) AS e,
               generate_series(-4500, 360, 30) AS s,
               LATERAL (SELECT greatest(-0.0005, least(0.0145, 0.015 * (s + 3500) / 3400)) AS x) AS way
         WHERE ends_at + s * interval '1 second' <= %(until)s) AS fixes
 WHERE NOT (n %% 20 = 13 AND s BETWEEN -2400 AND -1500);

-- name: changed
-- The world changes: one name of a unit.
UPDATE unit SET name = name || '.' WHERE code = 'B-0';

-- name: judged
-- Duties that have a verdict, and those that settled before a moment.
SELECT count(*) FILTER (WHERE evidence IS NOT NULL) AS judged, count(*) AS all
  FROM duty WHERE settles_at < %(until)s;

-- name: verdicts
-- How many of each.
SELECT coalesce(verdict, 'none') AS verdict, count(*) AS duties FROM duty GROUP BY 1 ORDER BY 2 DESC;

-- name: delays
-- Seconds from the moment at which a duty has settled to the commit of its first verdict, which its evidence has.
SELECT count(*) AS duties, percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY s) AS quantiles, max(s) AS most
  FROM (SELECT extract(epoch FROM pg_xact_commit_timestamp(e.xmin) - d.settles_at)::float AS s
          FROM duty d JOIN evidence e ON e.id = d.evidence WHERE d.settles_at < %(until)s) AS delay;

-- name: planned
-- Duties there are.
SELECT count(*) AS duties FROM duty;

-- name: another_week
-- The fixes of the first week, some weeks later.
INSERT INTO position (device, time, digest, lat, lon, accuracy, speed, battery, flags, received_at)
SELECT device, time + %(weeks)s * interval '7 days', digest, lat, lon, accuracy, speed, battery, flags,
       received_at + %(weeks)s * interval '7 days'
  FROM position WHERE time >= %(since)s AND time < %(since)s::timestamptz + interval '7 days';

-- name: not_yet
-- Whole weeks were repeated; what lies beyond the last day goes.
DELETE FROM position WHERE time >= %(until)s;

-- name: goes_silent
-- On some days one device is out of sight for some hours, so that there is something to find.
DELETE FROM position WHERE device = (SELECT min(device) FROM position WHERE time < %(since)s::timestamptz + interval '1 day')
   AND extract(day FROM time)::int %% 3 = 0;
