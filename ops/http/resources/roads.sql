-- name: list_roads
-- The roads as they are now.
SELECT r.code, r.name, r.kind, r.geometry
  FROM road r
 WHERE r.valid_from <= %(now)s AND (r.valid_to IS NULL OR r.valid_to > %(now)s)
 ORDER BY r.code;

-- name: territory
-- The shape of the viewer's grid; no row for the whole site.
SELECT g.geometry
  FROM grid g
 WHERE g.code = %(scope)s AND g.valid_from <= %(now)s AND (g.valid_to IS NULL OR g.valid_to > %(now)s);
