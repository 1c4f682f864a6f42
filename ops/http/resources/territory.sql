-- name: within
-- The codes of the viewer's grids.
SELECT code FROM grids_within(%(scope)s) AS code;

-- name: hierarchies
-- How the viewer's ground is divided, patrol first.
SELECT g.hierarchy AS name, count(*) AS grids,
       count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM grid b WHERE b.parent = g.code AND b.valid_to IS NULL)) AS base
  FROM grid g
 WHERE g.valid_to IS NULL AND g.code IN (SELECT grids_within(%(scope)s))
 GROUP BY g.hierarchy
 ORDER BY g.hierarchy <> 'patrol', g.hierarchy;
