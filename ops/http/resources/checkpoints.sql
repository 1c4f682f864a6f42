-- name: list_checkpoints
-- The points as they are now; whoever sees its own unit only, those on its routes and on those it walks for others.
SELECT c.code, c.name, c.kind, c.grid, c.lat, c.lon, c.radius_m, c.dwell_s,
       c.geometry->'coordinates'->0 AS border
  FROM checkpoint c
 WHERE c.valid_from <= %(now)s AND (c.valid_to IS NULL OR c.valid_to > %(now)s)
   AND (%(scope)s::text IS NULL OR c.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR c.code IN (
         SELECT unnest(r.checkpoints)
           FROM shift s JOIN route r ON r.code = s.route
          WHERE (s.unit = %(own_unit)s
                 OR EXISTS (SELECT FROM unnest(%(covered)s::text[], %(covered_since)s::timestamptz[],
                                               %(covered_until)s::timestamptz[]) AS w(unit, since, until)
                             WHERE w.unit = s.unit AND w.since <= %(now)s AND (w.until IS NULL OR w.until > %(now)s)))
            AND s.valid_from <= %(now)s AND (s.valid_to IS NULL OR s.valid_to > %(now)s)
            AND r.valid_from <= %(now)s AND (r.valid_to IS NULL OR r.valid_to > %(now)s)))
 ORDER BY c.code;
