-- name: list_rounds
-- Rounds that start within the day, and those before it that are still under way; a round shows where any of its
-- points lies within the viewer's territory.
SELECT r.id, r.key, r.shift, r.route, o.name AS route_name, r.unit, u.name AS unit_name, r.grid, r.starts_at, r.ends_at, r.superseded_at
  FROM round r
  LEFT JOIN LATERAL (SELECT name FROM route WHERE code = r.route AND valid_from <= r.starts_at
                      AND (valid_to IS NULL OR valid_to > r.starts_at) ORDER BY valid_from DESC LIMIT 1) o ON true
  LEFT JOIN LATERAL (SELECT name FROM unit WHERE code = r.unit AND valid_from <= r.starts_at
                      AND (valid_to IS NULL OR valid_to > r.starts_at) ORDER BY valid_from DESC LIMIT 1) u ON true
 WHERE r.starts_at < %(until)s AND (r.starts_at >= %(since)s OR r.ends_at > %(running_at)s)
   AND (%(scope)s::text IS NULL
        OR r.grid IN (SELECT grids_within(%(scope)s))
        OR EXISTS (SELECT 1 FROM duty d WHERE d.round = r.id AND d.grid IN (SELECT grids_within(%(scope)s))))
   AND (NOT %(own)s OR r.unit = %(own_unit)s
        OR EXISTS (SELECT FROM unnest(%(covered)s::text[], %(covered_since)s::timestamptz[], %(covered_until)s::timestamptz[])
                     AS w(unit, since, until)
                    WHERE w.unit = r.unit AND w.since < r.ends_at AND (w.until IS NULL OR w.until > r.starts_at)))
   AND (%(superseded)s OR r.superseded_at IS NULL)
   AND (%(unit)s::text IS NULL OR r.unit = %(unit)s)
   AND (%(route)s::text IS NULL OR r.route = %(route)s)
   AND (%(past_time)s::timestamptz IS NULL OR (r.starts_at, r.id) > (%(past_time)s, %(past_id)s::bigint))
 ORDER BY r.starts_at, r.id
 LIMIT %(limit)s;

-- name: list_points
-- The duties of some rounds in the order of the route, with the checkpoint as it was when each opened.
SELECT d.id, d.round, d.rule, d.subject, c.name, c.lat, c.lon, c.radius_m, d.grid, d.state, d.verdict, d.reasons,
       d.opens_at, d.due_at, d.met_at, d.judged_at, d.superseded_at, d.superseded_why
  FROM duty d
  JOIN round r ON r.id = d.round
  LEFT JOIN LATERAL (SELECT name, lat, lon, radius_m FROM checkpoint
                      WHERE code = d.subject AND valid_from <= d.opens_at
                        AND (valid_to IS NULL OR valid_to > d.opens_at)
                      ORDER BY valid_from DESC LIMIT 1) c ON true
  LEFT JOIN LATERAL (SELECT checkpoints FROM route
                      WHERE code = r.route AND valid_from <= r.starts_at
                        AND (valid_to IS NULL OR valid_to > r.starts_at)
                      ORDER BY valid_from DESC LIMIT 1) o ON true
 WHERE d.round = ANY(%(rounds)s) AND (%(superseded)s OR d.superseded_at IS NULL)
   AND (%(scope)s::text IS NULL OR coalesce(d.grid, r.grid) IN (SELECT grids_within(%(scope)s)))
 ORDER BY d.round, array_position(o.checkpoints, d.subject), d.due_at, d.id;
