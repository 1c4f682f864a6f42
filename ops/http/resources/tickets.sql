-- name: list_tickets
-- One page, newest first.
SELECT t.id, t.number, t.kind, t.equipment, t.title, t.text, t.grid, t.state, t.due_at, t.opened_at, t.closed_at,
       t.resolution
  FROM ticket t
 WHERE (%(scope)s::text IS NULL OR t.grid IN (SELECT grids_within(%(scope)s)))
   AND NOT %(own)s
   AND t.state = ANY(%(state)s)
   AND (%(kind)s::text[] IS NULL OR t.kind = ANY(%(kind)s))
   AND (%(equipment)s::text IS NULL OR t.equipment = %(equipment)s)
   AND (%(grid)s::text IS NULL OR t.grid IN (SELECT grids_within(%(grid)s)))
   AND (NOT %(overdue)s OR t.due_at < %(now)s)
   AND (%(before)s::bigint IS NULL OR t.id < %(before)s)
 ORDER BY t.id DESC
 LIMIT %(limit)s;
