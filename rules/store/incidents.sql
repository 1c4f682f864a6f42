-- name: insert
-- A new incident; the same source key makes it once.
INSERT INTO incident (number, kind, grade, text, lat, lon, radius_m, grid, source, source_key, unit, occurred_at,
                      reported_at, dispatched_at)
VALUES (%(number)s, %(kind)s, %(grade)s, %(text)s, %(lat)s, %(lon)s, %(radius_m)s, %(grid)s, %(source)s,
        %(source_key)s, %(unit)s, %(occurred_at)s, %(reported_at)s, %(dispatched_at)s)
ON CONFLICT (source_key) DO NOTHING RETURNING *;

-- name: known
-- Whether an incident was made from this source already.
SELECT * FROM incident WHERE source_key = %(source_key)s;

-- name: by_id
-- One incident, locked.
SELECT * FROM incident WHERE id = %(id)s FOR NO KEY UPDATE;

-- name: by_number
-- One incident by what people call it, locked.
SELECT * FROM incident WHERE number = %(number)s FOR NO KEY UPDATE;

-- name: dispatch
-- Send a unit, or call on any unit.
UPDATE incident SET unit = %(unit)s, dispatched_at = %(at)s, accepted_at = NULL, arrived_at = NULL
 WHERE id = %(id)s RETURNING *;

-- name: accept
-- The first answer that a unit takes it.
UPDATE incident SET accepted_at = %(at)s WHERE id = %(id)s AND accepted_at IS NULL;

-- name: arrive
-- When somebody was there, as the verdict has it; NULL takes it back.
UPDATE incident SET arrived_at = %(at)s WHERE id = %(id)s AND arrived_at IS DISTINCT FROM %(at)s;

-- name: close
-- It is over.
UPDATE incident SET closed_at = %(at)s WHERE id = %(id)s RETURNING *;

-- name: next_number
-- The next number of this name and day.
INSERT INTO day_number (name, day, last) VALUES (%(name)s, %(day)s, 1)
ON CONFLICT (name, day) DO UPDATE SET last = day_number.last + 1 RETURNING last;

-- name: grid_at
-- The patrol grids of then with their geometry, to find the lowest one that holds a point.
SELECT code, geometry FROM grid
 WHERE hierarchy = 'patrol' AND valid_from <= %(at)s AND (valid_to IS NULL OR valid_to > %(at)s)
 ORDER BY level DESC, code;

-- name: unit_exists
-- Whether a unit of this code is in force.
SELECT EXISTS (SELECT 1 FROM unit WHERE code = %(unit)s AND valid_from <= %(at)s
                  AND (valid_to IS NULL OR valid_to > %(at)s)) AS it;

-- name: devices_of_unit
-- The devices that can show a message and that the unit, a post of it, or who stands in for a post of it, holds.
SELECT DISTINCT d.number, d.name
  FROM custody c
  JOIN device d ON d.number = c.device AND d.kind IN ('handset', 'radio', 'vehicle') AND d.revoked_at IS NULL
 WHERE c.valid_from <= %(at)s AND (c.valid_to IS NULL OR c.valid_to > %(at)s)
   AND ((c.holder_kind = 'unit' AND c.holder = %(unit)s)
        OR (c.holder_kind = 'post' AND c.holder IN (
              SELECT standing_in(p.code, %(at)s) FROM post p
               WHERE p.unit = %(unit)s AND p.valid_from <= %(at)s AND (p.valid_to IS NULL OR p.valid_to > %(at)s))))
 ORDER BY d.name;

-- name: tell_device
-- A message for one device, sent once.
INSERT INTO outbox (channel, key, target, payload, created_at, next_at)
VALUES ('down', %(key)s, %(target)s, %(payload)s, %(at)s, %(at)s) ON CONFLICT (key) DO NOTHING;

-- name: mark
-- Wake the judgement of an incident.
INSERT INTO dirty_mark (kind, subject, window_from, window_to, made_at)
VALUES ('incident', %(subject)s, %(at)s, %(at)s, %(at)s);

-- name: facts
-- What rules may know about some incidents.
SELECT id, number, kind, lat, lon, radius_m, grid, unit, dispatched_at, closed_at FROM incident
 WHERE id = ANY(%(ids)s) ORDER BY id;
