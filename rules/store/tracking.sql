-- name: dispatches
-- Units that were sent somewhere of late, or still are.
SELECT unit, dispatched_at, closed_at FROM incident
 WHERE unit IS NOT NULL AND dispatched_at IS NOT NULL AND (closed_at IS NULL OR closed_at > %(since)s)
 ORDER BY id;

-- name: stands
-- Places that units hold for a time.
SELECT DISTINCT unit, opens_at AS starts_at, due_at AS ends_at FROM duty
 WHERE rule = 'static_post' AND unit IS NOT NULL AND due_at > %(since)s AND opens_at < %(until)s
 ORDER BY unit, starts_at, ends_at;

-- name: calls
-- Presses of the buttons that keep somebody in sight; one is open while the alert that it opened, or came after, is.
-- And people who work alone and gave no sign.
SELECT r.device, r.time AS at, CASE r.body->>'button' WHEN 'check_in' THEN 'lone_worker' ELSE 'sos' END AS why,
       r.body->>'button' <> 'check_in'
       AND EXISTS (SELECT FROM alert a JOIN device d ON d.number = r.device
                    WHERE a.fingerprint = 'sos:' || d.name AND a.state <> 'resolved'
                      AND a.opened_at <= greatest(r.time, r.received_at) + interval '10 minutes') AS open
  FROM reading r
 WHERE r.type = 'button' AND r.time > %(since)s AND (r.body->>'pressed')::boolean
UNION
SELECT d.number, a.opened_at, 'lone_worker', a.state <> 'resolved'
  FROM alert a JOIN device d ON d.name = a.device
 WHERE a.rule = 'lone_worker' AND a.opened_at > %(since)s
 ORDER BY device, at, why, open;

-- name: squads
-- The units of each squad, today's and earlier ones.
SELECT squad, array_agg(DISTINCT code) AS units FROM unit WHERE squad IS NOT NULL GROUP BY squad ORDER BY squad;

-- name: squad_posts
-- Posts that belong to a squad and to no unit.
SELECT DISTINCT ON (code) code, squad FROM post WHERE unit IS NULL AND squad IS NOT NULL
 ORDER BY code, valid_from DESC;

-- name: state
SELECT enforced, revision, planned_at, planned_until FROM tracking_state;

-- name: known
-- The spans of that time and later.
SELECT id, device, valid_from, valid_to, why FROM tracking_span WHERE valid_to > %(since)s;

-- name: forget
DELETE FROM tracking_span WHERE id = ANY(%(ids)s);

-- name: end
-- It is over now: what was allowed until now stays allowed.
UPDATE tracking_span SET valid_to = %(now)s WHERE id = ANY(%(ids)s);

-- name: add
INSERT INTO tracking_span (device, valid_from, valid_to, why)
SELECT * FROM unnest(%(devices)s::integer[], %(froms)s::timestamptz[], %(tos)s::timestamptz[], %(whys)s::text[]);

-- name: prune
-- Older than any reading that is still taken in.
DELETE FROM tracking_span WHERE valid_to < %(before)s;

-- name: planned
-- Last in its transaction: whoever seals readings waits for this row no longer than the commit takes.
UPDATE tracking_state
   SET enforced = %(enforced)s, planned_at = %(now)s, planned_until = %(until)s,
       revision = revision + CASE WHEN %(changed)s OR enforced <> %(enforced)s THEN 1 ELSE 0 END;
