-- name: list_grids
-- The territory as it is now.
SELECT g.code, g.name, g.level, g.parent, g.grade, g.geometry, g.hierarchy,
       NOT EXISTS (SELECT 1 FROM grid b WHERE b.parent = g.code AND b.valid_from <= %(now)s
                      AND (b.valid_to IS NULL OR b.valid_to > %(now)s)) AS base
  FROM grid g
 WHERE g.hierarchy = %(hierarchy)s AND g.valid_from <= %(now)s AND (g.valid_to IS NULL OR g.valid_to > %(now)s)
   AND (%(scope)s::text IS NULL OR g.code IN (SELECT grids_within(%(scope)s)))
   AND (%(level)s::smallint[] IS NULL OR g.level = ANY(%(level)s))
 ORDER BY g.level, g.code;
