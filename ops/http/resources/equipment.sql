-- name: list_equipment
-- One page by code, with what is measured, if anything is, and the work that is open.
SELECT e.code, e.kind, e.name, e.grid, e.lat, e.lon, e.manufactured, e.last_service, e.place, e.device,
       l.equipment AS measured, l.equipment_time AS measured_at, l.battery AS battery_pct, t.tickets
  FROM equipment e
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
   AND (%(due)s::text IS NULL
        OR EXISTS (SELECT 1 FROM ticket o WHERE o.equipment = e.code AND o.state = 'open'
                   AND (%(due)s = 'open' OR o.due_at < %(now)s)))
   AND (%(past)s::text IS NULL OR e.code > %(past)s)
 ORDER BY e.code
 LIMIT %(limit)s;
