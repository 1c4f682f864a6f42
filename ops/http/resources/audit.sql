-- name: list_audit
-- One page, newest first. The record has no grids, so only accounts of the whole site read it.
SELECT a.id, a.at, a.actor, a.action, a.subject, a.detail
  FROM audit a
 WHERE %(scope)s::text IS NULL AND NOT %(own)s
   AND (%(actor)s::text IS NULL OR a.actor = %(actor)s)
   AND (%(action)s::text IS NULL OR a.action = %(action)s)
   AND (%(subject)s::text IS NULL OR a.subject = %(subject)s)
   AND (%(since)s::timestamptz IS NULL OR a.at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR a.at < %(until)s)
   AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
 ORDER BY a.id DESC
 LIMIT %(limit)s;
