-- name: list_waivers
-- One page, newest first. A waiver without a grid belongs to the territories of its unit.
SELECT w.id, w.round, coalesce(w.unit, r.unit) AS unit, coalesce(w.grid, r.grid) AS grid, w.rules, w.since, w.until,
       w.why, w.made_by, w.made_at, w.ended_by, w.ended_at,
       (SELECT count(*) FROM duty d WHERE d.waiver = w.id) AS duties
  FROM waiver w LEFT JOIN round r ON r.key = w.round
 WHERE w.duty IS NULL
   AND (%(scope)s::text IS NULL OR coalesce(w.grid, r.grid) IN (SELECT grids_within(%(scope)s))
        OR (w.grid IS NULL AND r.grid IS NULL AND coalesce(w.unit, r.unit) IN (SELECT units_within(%(scope)s))))
   AND (NOT %(own)s OR coalesce(w.unit, r.unit) = %(own_unit)s)
   AND (%(in_force)s::boolean IS NULL OR (w.ended_at IS NULL) = %(in_force)s)
   AND (%(before)s::bigint IS NULL OR w.id < %(before)s)
 ORDER BY w.id DESC
 LIMIT %(limit)s;

-- name: find_waiver
-- One waiver, if the viewer may see it.
SELECT w.id, w.round, coalesce(w.unit, r.unit) AS unit, coalesce(w.grid, r.grid) AS grid, w.rules, w.since, w.until,
       w.why, w.made_by, w.made_at, w.ended_by, w.ended_at,
       (SELECT count(*) FROM duty d WHERE d.waiver = w.id) AS duties
  FROM waiver w LEFT JOIN round r ON r.key = w.round
 WHERE w.id = %(id)s AND w.duty IS NULL
   AND (%(scope)s::text IS NULL OR coalesce(w.grid, r.grid) IN (SELECT grids_within(%(scope)s))
        OR (w.grid IS NULL AND r.grid IS NULL AND coalesce(w.unit, r.unit) IN (SELECT units_within(%(scope)s))))
   AND (NOT %(own)s OR coalesce(w.unit, r.unit) = %(own_unit)s);

-- name: round_within
-- A round all of whose points lie within the viewer's territory.
SELECT r.key FROM round r
 WHERE r.id = %(round)s
   AND (%(scope)s::text IS NULL
        OR NOT EXISTS (SELECT 1 FROM duty d WHERE d.round = r.id
                        AND coalesce(d.grid, r.grid, '') NOT IN (SELECT grids_within(%(scope)s))));
