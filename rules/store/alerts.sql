-- name: newest
-- The live alert of a fingerprint, else the one opened last; locked, because people change it as well.
SELECT * FROM alert WHERE fingerprint = %(fingerprint)s
 ORDER BY (state <> 'resolved') DESC, opened_at DESC, id DESC LIMIT 1 FOR UPDATE;

-- name: raised_before
-- Those of some fingerprints that ever had an alert.
SELECT DISTINCT fingerprint FROM alert WHERE fingerprint = ANY(%(fingerprints)s);

-- name: by_id
-- One alert, locked.
SELECT * FROM alert WHERE id = %(id)s FOR UPDATE;

-- name: insert
-- A new alert.
INSERT INTO alert (fingerprint, rule, subject, class, severity, state, title, reasons, grid, unit, device, duty,
                   incident, evidence, lat, lon, opened_at, changed_at, acked_at, acked_by, resolved_at, resolved_by,
                   resolution, reopened)
VALUES (%(fingerprint)s, %(rule)s, %(subject)s, %(class_)s, %(severity)s, %(state)s, %(title)s, %(reasons)s, %(grid)s,
        %(unit)s, %(device)s, %(duty)s, %(incident)s, %(evidence)s, %(lat)s, %(lon)s, %(opened_at)s, %(changed_at)s,
        %(acked_at)s, %(acked_by)s, %(resolved_at)s, %(resolved_by)s, %(resolution)s, %(reopened)s)
RETURNING id;

-- name: update
-- An alert as it is now; its fingerprint, rule, subject and opening never change.
UPDATE alert SET class = %(class_)s, severity = %(severity)s, state = %(state)s, title = %(title)s,
                 reasons = %(reasons)s, grid = %(grid)s, unit = %(unit)s, device = %(device)s, duty = %(duty)s,
                 incident = %(incident)s, evidence = %(evidence)s, lat = %(lat)s, lon = %(lon)s,
                 changed_at = %(changed_at)s, acked_at = %(acked_at)s, acked_by = %(acked_by)s,
                 resolved_at = %(resolved_at)s, resolved_by = %(resolved_by)s, resolution = %(resolution)s,
                 reopened = %(reopened)s
 WHERE id = %(id)s;

-- name: remember
-- One line of an alert's history.
INSERT INTO alert_history (alert, at, event, actor, note, key)
VALUES (%(alert)s, %(at)s, %(event)s, %(actor)s, %(note)s, %(key)s) RETURNING id;

-- name: told_before
-- Whether history has a line for this reading already.
SELECT EXISTS (SELECT 1 FROM alert_history WHERE key = %(key)s) AS it;

-- name: live_of_rule
-- The live alerts of one rule, by fingerprint.
SELECT fingerprint, class, reasons, device, subject FROM alert WHERE rule = %(rule)s AND state <> 'resolved';
