-- name: list_custody
-- Spells of custody that share time with a span, the newest first.
SELECT c.id, d.name AS device, d.kind AS device_kind, c.holder_kind, c.holder, c.valid_from, c.valid_to, c.changed_by
  FROM custody c JOIN device d ON d.number = c.device
 WHERE (%(scope)s::text IS NULL
        OR CASE c.holder_kind WHEN 'post' THEN c.holder IN (SELECT posts_within(%(scope)s))
                              WHEN 'unit' THEN c.holder IN (SELECT units_within(%(scope)s))
                              ELSE EXISTS (SELECT FROM equipment e WHERE e.code = c.holder
                                              AND e.grid IN (SELECT grids_within(%(scope)s))) END)
   AND (%(device)s::text IS NULL OR d.name = %(device)s)
   AND (%(holder)s::text IS NULL OR c.holder = %(holder)s)
   AND (%(since)s::timestamptz IS NULL OR c.valid_to IS NULL OR c.valid_to > %(since)s)
   AND (%(until)s::timestamptz IS NULL OR c.valid_from < %(until)s)
   AND (%(before_at)s::timestamptz IS NULL OR (c.valid_from, c.id) < (%(before_at)s, %(before_id)s))
 ORDER BY c.valid_from DESC, c.id DESC LIMIT %(limit)s;
