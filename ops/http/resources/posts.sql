-- name: list_posts
-- Posts in force with the grids they answer for, whether they are away, and who stands in now.
SELECT p.code, p.name, p.squad, p.unit, p.role, p.grid, p.deputy,
       standing_in(p.code, %(now)s) AS standing_in,
       (SELECT l.kind FROM leave l WHERE l.post = p.code AND l.valid_from <= %(now)s
           AND (l.valid_to IS NULL OR l.valid_to > %(now)s) LIMIT 1) AS away,
       ARRAY(SELECT g.grid FROM grid_post g WHERE g.post = p.code AND g.slot = 'A' AND g.valid_from <= %(now)s
                AND (g.valid_to IS NULL OR g.valid_to > %(now)s) ORDER BY g.grid) AS a_of,
       ARRAY(SELECT g.grid FROM grid_post g WHERE g.post = p.code AND g.slot = 'B' AND g.valid_from <= %(now)s
                AND (g.valid_to IS NULL OR g.valid_to > %(now)s) ORDER BY g.grid) AS b_of,
       ARRAY(SELECT d.name FROM custody c JOIN device d ON d.number = c.device
              WHERE c.holder_kind = 'post' AND c.holder = p.code AND c.valid_from <= %(now)s
                AND (c.valid_to IS NULL OR c.valid_to > %(now)s) ORDER BY d.name) AS devices
  FROM post p
 WHERE p.valid_from <= %(now)s AND (p.valid_to IS NULL OR p.valid_to > %(now)s)
   AND p.code IN (SELECT posts_within(%(scope)s))
 ORDER BY p.code;
