-- name: changed
-- Objections that are open, and those made or answered within the last day, as far as they are news.
SELECT o.id, o.xmin::text AS version, d.grid AS its_grid, o.unit AS its_unit, o.duty, o.unit, o.state
  FROM objection o JOIN duty d ON d.id = o.duty
 WHERE (o.state = 'open' OR o.made_at > %(lately)s OR o.answered_at > %(lately)s)
   AND (%(since)s::text IS NULL OR age(o.xmin) <= age(%(since)s::text::xid8::xid))
 ORDER BY o.id;
