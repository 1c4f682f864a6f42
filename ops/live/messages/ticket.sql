-- name: changed
-- Tickets that are open, and those closed within the last day, as far as they are news.
SELECT t.id, t.xmin::text AS version, t.grid AS its_grid, NULL::text AS its_unit, t.number, t.kind, t.equipment, t.title,
       t.text, t.grid, t.state, t.due_at, t.opened_at, t.closed_at, t.resolution
  FROM ticket t
 WHERE (t.state = 'open' OR t.closed_at > %(lately)s)
   AND (%(since)s::text IS NULL OR age(t.xmin) <= age(%(since)s::text::xid8::xid))
 ORDER BY t.id;
