-- name: unit
-- Whether a unit has to do with the territory.
SELECT 1 AS it WHERE %(code)s IN (SELECT units_within(%(scope)s));

-- name: post
-- Whether a post has to do with the territory.
SELECT 1 AS it WHERE %(code)s IN (SELECT posts_within(%(scope)s));

-- name: grid
-- Whether a grid lies within the territory.
SELECT 1 AS it WHERE %(code)s IN (SELECT grids_within(%(scope)s));

-- name: device
-- Whether a device has to do with the territory, or is held by nobody.
SELECT 1 AS it FROM device d
 WHERE d.name = %(code)s
   AND (d.number IN (SELECT devices_within(%(scope)s))
        OR NOT EXISTS (SELECT FROM custody c WHERE c.device = d.number
                          AND c.valid_from <= %(now)s AND (c.valid_to IS NULL OR c.valid_to > %(now)s)));

-- name: holder
-- Whether a holder has to do with the territory.
SELECT 1 AS it
 WHERE %(scope)s::text IS NULL
    OR %(code)s IN (SELECT posts_within(%(scope)s))
    OR %(code)s IN (SELECT units_within(%(scope)s))
    OR EXISTS (SELECT FROM equipment e WHERE e.code = %(code)s AND e.valid_to IS NULL
                  AND e.grid IN (SELECT grids_within(%(scope)s)));
