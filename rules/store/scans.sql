-- name: scans
-- The tags that devices read, each within spans of its own, in the order in which they did.
SELECT r.device, r.time, r.digest, r.lat, r.lon, r.body->>'tag' AS tag
  FROM unnest(%(devices)s::integer[], %(starts)s::timestamptz[], %(stops)s::timestamptz[]) AS wanted(device, start, stop)
  JOIN reading r ON r.device = wanted.device AND r.time >= wanted.start AND r.time <= wanted.stop
 WHERE r.type = 'scan'
 ORDER BY r.device, r.time, r.digest;
