-- name: anything
-- Whether anything is stored of a span.
SELECT EXISTS (SELECT 1 FROM position WHERE time >= %(since)s AND time < %(until)s)
    OR EXISTS (SELECT 1 FROM reading WHERE time >= %(since)s AND time < %(until)s) AS it;

-- name: dropped
-- Up to when readings were dropped for their age.
SELECT max(at) AS at FROM storage_edge WHERE name = 'dropped';

-- name: oldest
-- The first position of the oldest hour that was rolled up.
SELECT min(first) AS at FROM position_hour WHERE hour = (SELECT min(hour) FROM position_hour);

-- name: duties
-- The duties of a rule whose round or deadline ended in a span.
SELECT d.key, d.state, d.verdict, d.reasons, d.met_at, d.waived_at
  FROM duty d
 WHERE d.rule = %(rule)s AND d.state <> 'superseded' AND d.round IS NULL AND d.due_at >= %(since)s
   AND d.due_at < %(until)s
UNION ALL
SELECT d.key, d.state, d.verdict, d.reasons, d.met_at, d.waived_at
  FROM round r JOIN duty d ON d.round = r.id
 WHERE d.rule = %(rule)s AND d.state <> 'superseded' AND r.ends_at >= %(since)s AND r.ends_at < %(until)s;

-- name: alerts
-- The openings of a rule's alerts about what ended in a span, or when nothing says what, that were opened in it.
SELECT a.fingerprint, h.at, a.class, a.severity, a.title, a.subject, a.unit, a.device, a.grid, a.reasons
  FROM alert a
  JOIN alert_history h ON h.alert = a.id AND h.event IN ('opened', 'reopened')
  LEFT JOIN duty d ON d.id = a.duty
  LEFT JOIN round r ON r.id = d.round OR (d.id IS NULL AND r.key = a.subject)
 WHERE a.rule = %(rule)s AND coalesce(r.ends_at, d.due_at, h.at) >= %(since)s
   AND coalesce(r.ends_at, d.due_at, h.at) < %(until)s
 ORDER BY h.at, a.id;

-- name: incidents
-- Incidents that somebody was sent to within a span.
SELECT id FROM incident WHERE dispatched_at >= %(since)s AND dispatched_at < %(until)s ORDER BY id;

-- name: buttons
-- Buttons of a span, in the order in which they were received.
SELECT r.device, r.time, r.digest, r.type, r.lat, r.lon, r.flags, r.received_at, r.body, g.code AS grid
  FROM reading r LEFT JOIN grid g ON g.id = r.grid
 WHERE r.time >= %(since)s AND r.time < %(until)s AND r.type = 'button'
 ORDER BY r.received_at, r.device, r.time, r.digest;
