-- name: hours
-- When some devices reported, by hour and grid: from the rollup, and from the rows where it is stale. Every hour that
-- got rows after it was rolled up is marked in the transaction that wrote them, so both together are exact.
WITH stale AS MATERIALIZED (
  SELECT DISTINCT hour FROM touched_hour WHERE hour > %(start)s::timestamptz - interval '1 hour' AND hour < %(stop)s
), found AS (
  SELECT h.hour, h.device, h.grid, h.fixes, h.first, h.last
    FROM position_hour h
   WHERE h.device = ANY(%(devices)s) AND h.hour > %(start)s::timestamptz - interval '1 hour' AND h.hour < %(stop)s
     AND NOT EXISTS (SELECT FROM stale s WHERE s.hour = h.hour)
  UNION ALL
  SELECT s.hour, p.device, coalesce(p.grid, 0), count(*)::integer, min(p.time), max(p.time)
    FROM stale s
    JOIN position p ON p.device = ANY(%(devices)s) AND p.time >= s.hour AND p.time < s.hour + interval '1 hour'
   GROUP BY s.hour, p.device, coalesce(p.grid, 0)
)
SELECT f.hour, f.device, g.code AS grid, f.fixes, f.first, f.last
  FROM found f LEFT JOIN grid g ON g.id = f.grid
 ORDER BY f.device, f.hour, f.first;

-- name: scans
-- Tags that some devices read in a span, in some grids or without saying where.
SELECT r.device, r.time, r.digest, r.lat, r.lon, r.flags, r.received_at, r.body ->> 'tag' AS tag
  FROM reading r LEFT JOIN grid g ON g.id = r.grid
 WHERE r.type = 'scan' AND r.device = ANY(%(devices)s) AND r.time >= %(start)s AND r.time <= %(stop)s
   AND (r.lat IS NULL OR g.code = ANY(%(grids)s))
 ORDER BY r.time, r.device, r.digest;
