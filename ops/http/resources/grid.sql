-- name: find_grid
-- A grid as it was at a moment, if it lies within the viewer's territory today.
SELECT g.code, g.name, g.level, g.parent, g.grade, g.hierarchy, g.valid_from, g.valid_to,
       NOT EXISTS (SELECT 1 FROM grid b WHERE b.parent = g.code AND b.valid_from <= %(at)s
                      AND (b.valid_to IS NULL OR b.valid_to > %(at)s)) AS base
  FROM grid g
 WHERE g.code = %(code)s AND g.valid_from <= %(at)s AND (g.valid_to IS NULL OR g.valid_to > %(at)s)
   AND (%(scope)s::text IS NULL OR g.code IN (SELECT grids_within(%(scope)s)));

-- name: posts
-- Who answers for it at that moment; a post that is not in force has no name.
SELECT a.slot, a.post, p.name
  FROM grid_post a
  LEFT JOIN post p ON p.code = a.post AND p.valid_from <= %(at)s AND (p.valid_to IS NULL OR p.valid_to > %(at)s)
 WHERE a.grid = %(code)s AND a.valid_from <= %(at)s AND (a.valid_to IS NULL OR a.valid_to > %(at)s)
 ORDER BY a.slot;

-- name: policy
-- What a grade asks for at that moment.
SELECT rounds, staff, severity FROM grade_policy
 WHERE grade = %(grade)s AND valid_from <= %(at)s AND (valid_to IS NULL OR valid_to > %(at)s);

-- name: ground
-- The patrol base grids on its ground.
SELECT b.ground FROM grid_ground b
 WHERE b.grid = %(code)s
   AND NOT EXISTS (SELECT 1 FROM grid g WHERE g.parent = b.ground AND g.valid_to IS NULL)
 ORDER BY b.ground;

-- name: history
-- All versions, the newest first.
SELECT name, grade, parent, level, valid_from, valid_to FROM grid WHERE code = %(code)s ORDER BY valid_from DESC;

-- name: post_history
-- All that ever answered for it, the newest first.
SELECT slot, post, valid_from, valid_to FROM grid_post WHERE grid = %(code)s ORDER BY valid_from DESC, slot;

-- name: changes
-- Who changed it by hand, the newest first.
SELECT at, actor, detail FROM audit WHERE action = 'grid.change' AND subject = %(code)s ORDER BY id DESC LIMIT 100;
