-- name: within
-- The codes of the viewer's grids.
SELECT code FROM grids_within(%(scope)s) AS code;

-- name: things
-- What must lie in one grid: roads, checkpoints, equipment with a place.
SELECT 'road' AS kind, code, name, geometry, NULL::float8 AS lat, NULL::float8 AS lon FROM road
 WHERE valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)
UNION ALL
SELECT 'checkpoint', code, name, NULL, lat, lon FROM checkpoint
 WHERE valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)
UNION ALL
SELECT kind, code, name, NULL, lat, lon FROM equipment
 WHERE lat IS NOT NULL AND valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)
 ORDER BY 1, 2;
