-- name: fixes
-- The fixes of some devices, each in spans of its own, in the order in which they were made. OFFSET keeps the planner
-- to one walk down the key for each span, however many there are.
SELECT p.*
  FROM unnest(%(devices)s::int[], %(starts)s::timestamptz[], %(stops)s::timestamptz[]) AS wanted (number, start, stop)
 CROSS JOIN LATERAL (SELECT device, time, digest, lat, lon, accuracy, flags, received_at FROM position
                      WHERE device = number AND time >= start AND time <= stop OFFSET 0) AS p
 ORDER BY p.device, p.time, p.digest;

-- name: located
-- The same, each with the grid that it was matched with.
SELECT p.device, p.time, p.digest, p.lat, p.lon, p.accuracy, p.flags, p.received_at, g.code AS grid
  FROM unnest(%(devices)s::int[], %(starts)s::timestamptz[], %(stops)s::timestamptz[]) AS wanted (number, start, stop)
 CROSS JOIN LATERAL (SELECT device, time, digest, lat, lon, accuracy, flags, received_at, grid AS matched FROM position
                      WHERE device = number AND time >= start AND time <= stop OFFSET 0) AS p
  LEFT JOIN grid g ON g.id = p.matched
 ORDER BY p.device, p.time, p.digest;

-- name: glimpses
-- What the fixes of a span and of a margin around it say about a place, in one row for each device: how many it made
-- within the span, how near the nearest of those was, and the nearest of all. Metres on the plane that touches the
-- place; flags 1 and 4 are made-up places, and that few are is said in a way that the planner understands.
SELECT device, (count(*) FILTER (WHERE time >= %(start)s AND time <= %(stop)s))::int AS fixes,
       sqrt(min(m2) FILTER (WHERE time >= %(start)s AND time <= %(stop)s)) AS nearest_m, sqrt(min(m2)) AS around_m
  FROM position,
       LATERAL (SELECT abs(lon / 1e7::float8 - %(lon)s::float8) AS east, lat / 1e7::float8 - %(lat)s::float8 AS north) AS d,
       LATERAL (SELECT (least(east, 360 - east) * %(m_east)s::float8) ^ 2 + (north * %(m_north)s::float8) ^ 2 AS m2) AS m
 WHERE time >= %(start)s::timestamptz - %(around)s AND time <= %(stop)s::timestamptz + %(around)s
   AND lat BETWEEN %(south)s::int AND %(north)s::int AND lon BETWEEN %(west)s::int AND %(east)s::int AND flags & 5 < 1
 GROUP BY device;

-- name: signals
-- What a device said in a span that presses.
SELECT r.device, r.time, r.digest, r.type, r.lat, r.lon, r.flags, r.received_at, r.body, g.code AS grid
  FROM reading r LEFT JOIN grid g ON g.id = r.grid
 WHERE r.device = %(device)s AND r.time >= %(start)s AND r.time <= %(stop)s
   AND r.type IN ('button', 'report', 'task')
 ORDER BY r.time, r.digest;

-- name: newest_fix
-- Where a device was last before a moment; flags 1 and 4 are made-up places.
SELECT p.time, p.lat, p.lon, g.code AS grid
  FROM position p LEFT JOIN grid g ON g.id = p.grid
 WHERE p.device = %(device)s AND p.time <= %(at)s AND p.time > %(at)s - interval '1 day' AND p.flags & 5 = 0
 ORDER BY p.time DESC, p.digest LIMIT 1;

-- name: heard
-- When each device was last heard, where it was, its charge, and that of the vehicle that it sits in.
SELECT device, heard_at, lat, lon, battery, charge AS charge_pct, charge_time AS charge_at
  FROM last_known ORDER BY device;

-- name: listening
-- Each lane of ingest: up since when, and how long ago it last beat by the database's clock, which wrote the beat.
SELECT up_since, extract(epoch FROM now() - beat_at)::float8 AS silent_s FROM ingest_progress
 WHERE drained_at IS NULL;
