-- name: list_my_looks
-- Looks at a time when the viewer's unit or a post of it held the device, as custody has it today.
SELECT a.id, a.at, a.actor, o.role, a.subject AS device, l.since, l.until, l.rows, a.detail->>'purpose' AS purpose
  FROM audit a
  LEFT JOIN account o ON o.name = a.actor
 CROSS JOIN LATERAL (SELECT (a.detail->>'from')::timestamptz AS since, (a.detail->>'to')::timestamptz AS until,
                            (a.detail->>'rows')::integer AS rows) l
 WHERE a.action = 'track.look' AND %(own)s
   AND EXISTS (SELECT FROM device d
                 JOIN custody c ON c.device = d.number
                      AND c.valid_from < l.until AND (c.valid_to IS NULL OR c.valid_to > l.since)
                 LEFT JOIN post p ON c.holder_kind = 'post' AND p.code = c.holder
                      AND p.valid_from < l.until AND (p.valid_to IS NULL OR p.valid_to > l.since)
                WHERE d.name = a.subject
                  AND CASE c.holder_kind WHEN 'unit' THEN c.holder ELSE p.unit END = %(own_unit)s)
   AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
 ORDER BY a.id DESC
 LIMIT %(limit)s;

-- name: list_looks
-- All of them. The record has no grids, so only accounts of the whole site read it.
SELECT a.id, a.at, a.actor, o.role, a.subject AS device, (a.detail->>'from')::timestamptz AS since,
       (a.detail->>'to')::timestamptz AS until, (a.detail->>'rows')::integer AS rows, a.detail->>'purpose' AS purpose
  FROM audit a
  LEFT JOIN account o ON o.name = a.actor
 WHERE a.action = 'track.look' AND %(scope)s::text IS NULL AND NOT %(own)s
   AND (%(actor)s::text IS NULL OR a.actor = %(actor)s)
   AND (%(device)s::text IS NULL OR a.subject = %(device)s)
   AND (%(since)s::timestamptz IS NULL OR a.at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR a.at < %(until)s)
   AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
 ORDER BY a.id DESC
 LIMIT %(limit)s;
