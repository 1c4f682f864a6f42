-- name: samples
-- What devices said of their places, each from a moment (excluded) to a common one (included).
SELECT p.device, p.time, p.digest, p.lat, p.lon, p.accuracy, p.speed, p.battery, p.flags, p.grid
  FROM unnest(%(devices)s::int[], %(after)s::timestamptz[]) AS w (device, after)
 CROSS JOIN LATERAL (SELECT q.device, q.time, q.digest, q.lat, q.lon, q.accuracy, q.speed, q.battery, q.flags, q.grid
                       FROM position q
                      WHERE q.device = w.device AND q.time > w.after AND q.time <= %(until)s
                        AND q.time > %(least)s) p
 ORDER BY p.device, p.time, p.digest;

-- name: others
-- Everything else that they said in the same time.
SELECT r.device, r.time, r.digest, r.type, r.lat, r.lon, r.flags, r.grid, r.received_at, r.body
  FROM unnest(%(devices)s::int[], %(after)s::timestamptz[]) AS w (device, after)
 CROSS JOIN LATERAL (SELECT q.device, q.time, q.digest, q.type, q.lat, q.lon, q.flags, q.grid, q.received_at, q.body
                       FROM reading q
                      WHERE q.device = w.device AND q.time > w.after AND q.time <= %(until)s
                        AND q.time > %(least)s AND q.type <> 'equipment') r
 ORDER BY r.device, r.time, r.digest;

-- name: grids
-- The codes behind the numbers that readings bear.
SELECT id, code FROM grid;

-- name: heard
-- When each device was last heard.
SELECT device, heard_at FROM last_known;

-- name: errands
-- Units that were sent to an incident not long ago.
SELECT unit, dispatched_at, closed_at FROM incident
 WHERE unit IS NOT NULL AND dispatched_at > %(since)s ORDER BY dispatched_at, id;

-- name: live
-- The live alerts of some rules.
SELECT fingerprint, rule, device, class, severity FROM alert WHERE state <> 'resolved' AND rule = ANY(%(rules)s);

-- name: closed_by_hand
-- Whether a person has closed an alert about something that began before.
SELECT EXISTS (SELECT 1 FROM alert WHERE fingerprint = %(fingerprint)s AND state = 'resolved'
                  AND resolved_at >= %(began_at)s AND resolved_by <> 'system') AS it;
