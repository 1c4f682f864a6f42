-- name: covered
-- When posts of a unit stood in for those of which other units. A leave is cut wherever anything about leaves, posts and
-- grids changes; only those in which a post of the unit may have been asked are looked at.
WITH mine AS (SELECT code, valid_from, valid_to FROM post WHERE unit = %(unit)s),
asked AS (
  SELECT l.id, l.post, l.valid_from, l.valid_to FROM leave l
   WHERE l.cover IN (SELECT code FROM mine)
      OR EXISTS (SELECT FROM grid_post a JOIN grid_post b ON b.grid = a.grid AND b.slot = 'B'
                  WHERE a.slot = 'A' AND a.post = l.post AND b.post IN (SELECT code FROM mine))
      OR EXISTS (SELECT FROM post p WHERE p.code = l.post AND p.deputy IN (SELECT code FROM mine))
),
moments AS (
  SELECT valid_from AS at FROM leave UNION SELECT valid_to FROM leave
  UNION SELECT valid_from FROM post UNION SELECT valid_to FROM post
  UNION SELECT valid_from FROM grid_post UNION SELECT valid_to FROM grid_post
),
parts AS (
  SELECT a.post, m.at AS since,
         coalesce(lead(m.at) OVER (PARTITION BY a.id ORDER BY m.at), a.valid_to) AS until
    FROM asked a JOIN moments m ON m.at >= a.valid_from AND (a.valid_to IS NULL OR m.at < a.valid_to)
)
SELECT away.unit, parts.since, parts.until
  FROM parts
  JOIN post away ON away.code = parts.post AND away.unit <> %(unit)s
       AND away.valid_from <= parts.since AND (away.valid_to IS NULL OR away.valid_to > parts.since)
  JOIN mine ON mine.code = standing_in(parts.post, parts.since)
       AND mine.valid_from <= parts.since AND (mine.valid_to IS NULL OR mine.valid_to > parts.since)
 ORDER BY away.unit, parts.since;
