-- name: list_hydrants
-- Hydrants in force with what their tags said last.
SELECT e.code, e.name, e.grid, e.lat, e.lon, e.place, e.device, l.equipment AS measured, l.equipment_time AS measured_at,
       l.heard_at, l.battery AS battery_pct
  FROM equipment e
  LEFT JOIN device d ON d.name = e.device AND d.revoked_at IS NULL
  LEFT JOIN last_known l ON l.device = d.number
 WHERE e.kind = 'hydrant' AND e.lat IS NOT NULL AND e.lon IS NOT NULL
   AND e.valid_from <= %(now)s AND (e.valid_to IS NULL OR e.valid_to > %(now)s)
   AND (%(scope)s::text IS NULL OR e.grid IN (SELECT grids_within(%(scope)s)))
   AND NOT %(own)s
 ORDER BY e.code;
