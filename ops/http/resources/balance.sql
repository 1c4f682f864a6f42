-- name: loads
-- What falls to each of the viewer's patrol grids.
SELECT g.code, g.name, g.grade,
       (SELECT count(*) FROM checkpoint c
         WHERE c.grid = g.code AND c.valid_from <= %(now)s AND (c.valid_to IS NULL OR c.valid_to > %(now)s)) AS checkpoints,
       coalesce(d.n, 0) AS duties, coalesce(a.n, 0) AS alerts
  FROM grid g
  LEFT JOIN (SELECT grid, count(*) AS n FROM duty
              WHERE opens_at >= %(since)s AND opens_at < %(until)s AND state <> 'superseded' GROUP BY grid) d
         ON d.grid = g.code
  LEFT JOIN (SELECT grid, count(*) AS n FROM alert
              WHERE opened_at >= %(since)s AND opened_at < %(until)s GROUP BY grid) a ON a.grid = g.code
 WHERE g.hierarchy = 'patrol' AND g.valid_from <= %(now)s AND (g.valid_to IS NULL OR g.valid_to > %(now)s)
   AND (%(scope)s::text IS NULL OR g.code IN (SELECT grids_within(%(scope)s)))
 ORDER BY g.code;

-- name: lines
-- The lines that must be walked, as they are now.
SELECT geometry FROM line WHERE valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s) ORDER BY code;
