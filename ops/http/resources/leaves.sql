-- name: list_leaves
-- Leaves that share time with a span, the newest first, with who stands in now or when they begin.
SELECT l.id, l.post, p.name AS post_name, p.unit, l.kind, l.cover, l.note, l.valid_from, l.valid_to,
       standing_in(l.post, greatest(l.valid_from, least(%(now)s, l.valid_to - interval '1 microsecond'))) AS standing_in
  FROM leave l
  LEFT JOIN LATERAL (SELECT p.name, p.unit FROM post p WHERE p.code = l.post ORDER BY p.valid_from DESC LIMIT 1) p ON true
 WHERE l.post IN (SELECT posts_within(%(scope)s))
   AND (%(post)s::text IS NULL OR l.post = %(post)s)
   AND (%(since)s::timestamptz IS NULL OR l.valid_to IS NULL OR l.valid_to > %(since)s)
   AND (%(until)s::timestamptz IS NULL OR l.valid_from < %(until)s)
   AND (%(id)s::bigint IS NULL OR l.id = %(id)s)
   AND (%(before_at)s::timestamptz IS NULL OR (l.valid_from, l.id) < (%(before_at)s, %(before_id)s))
 ORDER BY l.valid_from DESC, l.id DESC LIMIT %(limit)s;
