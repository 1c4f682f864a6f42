-- name: areas
-- The grids of a moment with their geometry; NULL asks for the newest versions.
SELECT code, name, parent, hierarchy, level, geometry AS shape
  FROM grid
 WHERE CASE WHEN %(at)s::timestamptz IS NULL THEN valid_to IS NULL
            ELSE valid_from <= %(at)s AND (valid_to IS NULL OR valid_to > %(at)s) END
 ORDER BY hierarchy, level, code;

-- name: roads
-- The roads of a moment.
SELECT geometry FROM road WHERE valid_from <= %(at)s AND (valid_to IS NULL OR valid_to > %(at)s) ORDER BY code;

-- name: forget_ground
DELETE FROM grid_ground;

-- name: write_ground
INSERT INTO grid_ground (grid, ground, share)
SELECT grid, ground, share FROM jsonb_to_recordset(%(rows)s) AS x(grid text, ground text, share real);
