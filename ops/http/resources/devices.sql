-- name: list_devices
-- One page by name; of secrets only whether there is one in force.
SELECT d.name, d.kind, d.label, d.datum, d.registered_at, d.revoked_at,
       EXISTS (SELECT 1 FROM device_secret s WHERE s.device = d.number AND s.revoked_at IS NULL) AS has_secret,
       l.heard_at, c.holder_kind, c.holder
  FROM device d
  LEFT JOIN last_known l ON l.device = d.number
  LEFT JOIN LATERAL (SELECT holder_kind, holder FROM custody
                      WHERE device = d.number AND valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)
                      ORDER BY valid_from DESC LIMIT 1) c ON true
 WHERE (%(scope)s::text IS NULL OR d.number IN (SELECT devices_within(%(scope)s)))
   AND (NOT %(own)s OR c.holder = %(own_unit)s)
   AND (%(kind)s::text[] IS NULL OR d.kind = ANY(%(kind)s))
   AND (%(revoked)s::boolean IS NULL OR (d.revoked_at IS NOT NULL) = %(revoked)s)
   AND (%(past)s::text IS NULL OR d.name > %(past)s)
 ORDER BY d.name
 LIMIT %(limit)s;
