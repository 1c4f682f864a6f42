-- name: changed
-- The plan of the site's day in one row, whose version is another one when rounds or duties come or go.
SELECT 'today' AS id, concat_ws(' ', t.day, count(DISTINCT r.id), sum(r.id), count(d.id), sum(d.id)) AS version,
       NULL::text AS its_grid, NULL::text AS its_unit, t.day, true AS everywhere
  FROM (SELECT (%(now)s::timestamptz AT TIME ZONE %(zone)s)::date AS day) t
  LEFT JOIN round r ON r.starts_at >= (t.day::timestamp AT TIME ZONE %(zone)s)
       AND r.superseded_at IS NULL AND r.starts_at < ((t.day + 1)::timestamp AT TIME ZONE %(zone)s)
  LEFT JOIN duty d ON d.round = r.id AND d.superseded_at IS NULL
 GROUP BY t.day;
