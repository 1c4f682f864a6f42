-- name: scans
-- The tags that some devices read in a span, in the order in which they did.
SELECT device, time, digest, lat, lon, body->>'tag' AS tag FROM reading
 WHERE device = ANY(%(devices)s) AND type = 'scan' AND time >= %(start)s AND time <= %(stop)s
 ORDER BY device, time, digest;
