-- name: post_in_force
-- Whether there is a post of this code at a moment.
SELECT EXISTS (SELECT FROM post WHERE code = %(post)s AND valid_from <= %(at)s
                  AND (valid_to IS NULL OR valid_to > %(at)s)) AS it;

-- name: lock_post
-- One change of a post's leaves at a time.
SELECT pg_advisory_xact_lock(hashtext('leave'), hashtext(%(post)s));

-- name: leaves_meeting
-- A post's leaves that share time with a span.
SELECT * FROM leave WHERE post = %(post)s AND (valid_to IS NULL OR valid_to > %(start)s)
   AND (%(end)s::timestamptz IS NULL OR valid_from < %(end)s) ORDER BY valid_from, id;

-- name: leave_by_id
-- One leave, locked.
SELECT * FROM leave WHERE id = %(id)s FOR UPDATE;

-- name: add_leave
-- A post is away.
INSERT INTO leave (post, kind, cover, note, valid_from, valid_to)
VALUES (%(post)s, %(kind)s, %(cover)s, %(note)s, %(start)s, %(end)s) RETURNING *;

-- name: end_leave
-- A post is back sooner, or another version follows.
UPDATE leave SET valid_to = %(end)s WHERE id = %(id)s RETURNING *;

-- name: set_cover
-- Who stands in, for the whole of a leave.
UPDATE leave SET cover = %(cover)s WHERE id = %(id)s RETURNING *;

-- name: delete_leave
-- There was no such leave; the audit record keeps what was said.
DELETE FROM leave WHERE id = %(id)s;

-- name: lock_device
-- A device by name; its custody changes one change at a time.
SELECT number, name, revoked_at FROM device WHERE name = %(device)s FOR UPDATE;

-- name: holder_kind
-- Where a holder's code stands at a moment, posts before units before equipment.
SELECT kind FROM (
  SELECT 1 AS rank, 'post' AS kind FROM post WHERE code = %(holder)s AND valid_from <= %(at)s
     AND (valid_to IS NULL OR valid_to > %(at)s)
  UNION ALL
  SELECT 2, 'unit' FROM unit WHERE code = %(holder)s AND valid_from <= %(at)s AND (valid_to IS NULL OR valid_to > %(at)s)
  UNION ALL
  SELECT 3, 'equipment' FROM equipment WHERE code = %(holder)s AND valid_from <= %(at)s
     AND (valid_to IS NULL OR valid_to > %(at)s)) AS found ORDER BY rank LIMIT 1;

-- name: custody_meeting
-- A device's spells of custody that share time with a span.
SELECT id, device, holder_kind, holder, valid_from, valid_to FROM custody
 WHERE device = %(device)s AND (valid_to IS NULL OR valid_to > %(start)s)
   AND (%(end)s::timestamptz IS NULL OR valid_from < %(end)s) ORDER BY valid_from, id;

-- name: add_custody
-- Somebody holds a device.
INSERT INTO custody (device, holder_kind, holder, valid_from, valid_to, changed_by)
VALUES (%(device)s, %(holder_kind)s, %(holder)s, %(start)s, %(end)s, %(actor)s)
RETURNING id, device, holder_kind, holder, valid_from, valid_to;

-- name: cut_custody
-- A spell begins later or ends sooner.
UPDATE custody SET valid_from = %(start)s, valid_to = %(end)s, changed_by = %(actor)s WHERE id = %(id)s;

-- name: delete_custody
-- There was no such spell; the audit record keeps what was said.
DELETE FROM custody WHERE id = %(id)s;

-- name: units_concerned
-- The units whose proof depends on some posts and units: the posts' own, and those of the posts they may stand in for.
WITH for_whom AS (
  SELECT unnest(%(posts)s::text[]) AS code
  UNION SELECT code FROM post WHERE deputy = ANY(%(posts)s)
  UNION SELECT post FROM leave WHERE cover = ANY(%(posts)s)
  UNION SELECT a.post FROM grid_post a JOIN grid_post b ON b.grid = a.grid AND b.slot = 'B'
         WHERE a.slot = 'A' AND b.post = ANY(%(posts)s)
)
SELECT unnest(%(units)s::text[]) AS unit
UNION SELECT p.unit FROM post p JOIN for_whom f ON f.code = p.code WHERE p.unit IS NOT NULL;

-- name: concerned
-- How many duties of some units, and of those that any unit may do, have to do with a span and are judged again; those
-- whose readings are no longer stored keep the verdict that rested on them.
SELECT count(*) FILTER (WHERE stored) AS again, count(*) FILTER (WHERE NOT stored) AS kept
  FROM (SELECT d.opens_at - interval '1 hour' >=
                 coalesce((SELECT at FROM storage_edge WHERE name = 'dropped'), '-infinity') AS stored
          FROM duty d
         WHERE d.rule = ANY(%(rules)s) AND (d.unit = ANY(%(units)s) OR d.unit IS NULL)
           AND d.state IN ('open', 'waiting', 'provisional', 'final') AND d.opens_at <= %(now)s
           AND d.settles_at > %(start)s
           AND (%(end)s::timestamptz IS NULL OR d.opens_at - interval '1 hour' < %(end)s)) AS found;

-- name: custody_list
-- Spells of custody that last beyond a moment, by device.
SELECT c.id, d.name AS device, c.holder_kind, c.holder, c.valid_from, c.valid_to, c.changed_by
  FROM custody c JOIN device d ON d.number = c.device
 WHERE (%(device)s::text IS NULL OR d.name = %(device)s) AND (%(holder)s::text IS NULL OR c.holder = %(holder)s)
   AND (%(since)s::timestamptz IS NULL OR c.valid_to IS NULL OR c.valid_to > %(since)s)
 ORDER BY d.name, c.valid_from;

-- name: leave_list
-- Leaves that last beyond a moment, with who stands in now or when they begin.
SELECT l.*, standing_in(l.post, greatest(l.valid_from, least(%(now)s, l.valid_to - interval '1 microsecond'))) AS standing_in
  FROM leave l
 WHERE (%(post)s::text IS NULL OR l.post = %(post)s)
   AND (%(since)s::timestamptz IS NULL OR l.valid_to IS NULL OR l.valid_to > %(since)s)
 ORDER BY l.valid_from, l.id;
