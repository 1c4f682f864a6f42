-- name: list_units
-- Units in force; one of another territory shows while it is within the viewer's.
SELECT u.code, u.name, u.kind, u.squad
  FROM unit u
 WHERE u.valid_from <= %(now)s AND (u.valid_to IS NULL OR u.valid_to > %(now)s)
   AND (%(scope)s::text IS NULL OR u.code IN (SELECT units_within(%(scope)s)) OR u.code = ANY(%(visiting)s))
   AND (NOT %(own)s OR u.code = %(own_unit)s)
 ORDER BY u.code;

-- name: list_unit_devices
-- What each unit and its posts hold now, and where it was last; a place outside the territory is left out, and so is
-- that of a device whose carrier is off duty.
SELECT coalesce(p.unit, c.holder) AS unit, p.code AS post, d.name, d.kind, d.label,
       l.heard_at, l.battery AS battery_pct, l.battery_time AS battery_at,
       l.charge AS charge_pct, l.charge_time AS charge_at,
       v.time, v.lat / 1e7::float8 AS lat, v.lon / 1e7::float8 AS lon, v.accuracy / 10::float8 AS accuracy_m,
       v.speed / 100::float8 AS speed_mps, v.heading / 10::float8 AS heading_deg, v.altitude AS altitude_m,
       v.flags, g.code AS grid
  FROM custody c
  JOIN device d ON d.number = c.device AND d.revoked_at IS NULL
  LEFT JOIN post p ON c.holder_kind = 'post' AND p.code = c.holder
       AND p.valid_from <= %(now)s AND (p.valid_to IS NULL OR p.valid_to > %(now)s)
  LEFT JOIN last_known l ON l.device = d.number
  LEFT JOIN grid g ON g.id = l.grid
  LEFT JOIN last_known v ON v.device = d.number
       AND (%(scope)s::text IS NULL OR g.code IN (SELECT grids_within(%(scope)s)))
       AND NOT off_duty(d.number, %(now)s)
 WHERE c.valid_from <= %(now)s AND (c.valid_to IS NULL OR c.valid_to > %(now)s)
   AND (c.holder_kind = 'unit' OR p.unit IS NOT NULL)
   AND (NOT %(own)s OR coalesce(p.unit, c.holder) = %(own_unit)s)
 ORDER BY d.name;

-- name: list_shifts
SELECT s.code, s.unit, s.days, s.starts, s.ends
  FROM shift s
 WHERE s.valid_from <= %(now)s AND (s.valid_to IS NULL OR s.valid_to > %(now)s)
 ORDER BY s.code;
