-- name: changed
-- Devices that units and their posts hold now, whose newest fix or sign of life is news; and those whose carrier went
-- off duty a moment ago, which are to be taken off the map.
SELECT d.name AS id, l.xmin::text || o.is_off AS version, o.is_off, g.code AS its_grid, coalesce(p.unit, c.holder) AS its_unit, d.kind,
       l.time, l.heard_at, l.lat / 1e7::float8 AS lat, l.lon / 1e7::float8 AS lon, l.accuracy / 10::float8 AS accuracy_m,
       l.speed / 100::float8 AS speed_mps, l.heading / 10::float8 AS heading_deg, l.battery AS battery_pct, l.flags
  FROM last_known l
  JOIN device d ON d.number = l.device AND d.revoked_at IS NULL
  JOIN custody c ON c.device = d.number AND c.valid_from <= %(now)s AND (c.valid_to IS NULL OR c.valid_to > %(now)s)
  LEFT JOIN post p ON c.holder_kind = 'post' AND p.code = c.holder
       AND p.valid_from <= %(now)s AND (p.valid_to IS NULL OR p.valid_to > %(now)s)
  LEFT JOIN grid g ON g.id = l.grid
 CROSS JOIN LATERAL (SELECT off_duty(d.number, %(now)s) AS is_off) o
 WHERE (%(since)s::text IS NULL OR age(l.xmin) <= age(%(since)s::text::xid8::xid)
        OR d.number = ANY (ARRAY(SELECT s.device FROM tracking_span s
                                  WHERE s.valid_to > %(now)s - interval '10 seconds' AND s.valid_to <= %(now)s)))
   AND l.time IS NOT NULL AND l.lat IS NOT NULL
   AND (c.holder_kind = 'unit' OR (c.holder_kind = 'post' AND p.unit IS NOT NULL))
 ORDER BY d.name;
