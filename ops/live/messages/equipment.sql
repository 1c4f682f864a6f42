-- name: changed
-- Equipment in force whose tag spoke.
SELECT e.code AS id, l.xmin::text AS version, e.grid AS its_grid, NULL::text AS its_unit, e.kind, e.device,
       l.equipment AS measured, l.equipment_time AS measured_at, l.heard_at, l.battery AS battery_pct
  FROM last_known l
  JOIN device d ON d.number = l.device AND d.revoked_at IS NULL
  JOIN equipment e ON e.device = d.name AND e.valid_from <= %(now)s AND (e.valid_to IS NULL OR e.valid_to > %(now)s)
 WHERE (%(since)s::text IS NULL OR age(l.xmin) <= age(%(since)s::text::xid8::xid))
 ORDER BY e.code;
