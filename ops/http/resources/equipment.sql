-- name: list_equipment
-- One page by code: what the rule on expiry planned next for it, what is measured, and the work that is open.
SELECT e.code, e.kind, e.name, e.grid, e.lat, e.lon, e.manufactured, e.last_service, e.place, e.device,
       n.work AS next_work, n.due_at AS next_due_at, l.equipment AS measured, l.equipment_time AS measured_at,
       l.battery AS battery_pct, t.tickets
  FROM equipment e
  LEFT JOIN LATERAL (SELECT context->>'work' AS work, due_at FROM duty
                      WHERE rule = 'equipment_expiry' AND subject = e.code AND state <> 'final'
                      ORDER BY due_at LIMIT 1) n ON true
  LEFT JOIN device d ON d.name = e.device
  LEFT JOIN last_known l ON l.device = d.number
  LEFT JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('number', number, 'kind', kind, 'due_at', due_at)
                                               ORDER BY id), '[]') AS tickets
                       FROM ticket WHERE equipment = e.code AND state = 'open') t ON true
 WHERE e.valid_from <= %(now)s AND (e.valid_to IS NULL OR e.valid_to > %(now)s)
   AND (%(scope)s::text IS NULL OR e.grid IN (SELECT grids_within(%(scope)s)))
   AND NOT %(own)s
   AND (%(kind)s::text[] IS NULL OR e.kind = ANY(%(kind)s))
   AND (%(grid)s::text IS NULL OR e.grid IN (SELECT grids_within(%(grid)s)))
   AND (%(due_from)s::timestamptz IS NULL OR n.due_at > %(due_from)s)
   AND (%(due_until)s::timestamptz IS NULL OR n.due_at <= %(due_until)s)
   AND (%(past)s::text IS NULL OR e.code > %(past)s)
 ORDER BY e.code
 LIMIT %(limit)s;
