-- name: checkpoints
-- In force now.
SELECT code, lat, lon, radius_m, tags[1] AS tag, kind, dwell_s FROM checkpoint
 WHERE valid_from <= now() AND (valid_to IS NULL OR valid_to > now()) ORDER BY code;

-- name: routes
-- In force now.
SELECT code, checkpoints, ordered, legs, geometry FROM route
 WHERE valid_from <= now() AND (valid_to IS NULL OR valid_to > now()) ORDER BY code;

-- name: roads
-- In force now.
SELECT geometry FROM road WHERE valid_from <= now() AND (valid_to IS NULL OR valid_to > now()) ORDER BY code;

-- name: lines
-- Lines that must be walked, in force now.
SELECT code, geometry FROM line WHERE valid_from <= now() AND (valid_to IS NULL OR valid_to > now()) ORDER BY code;

-- name: units
-- In force now.
SELECT code, kind FROM unit WHERE valid_from <= now() AND (valid_to IS NULL OR valid_to > now()) ORDER BY code;

-- name: things
-- Equipment in force now that stands somewhere.
SELECT code, kind, lat, lon FROM equipment
 WHERE lat IS NOT NULL AND valid_from <= now() AND (valid_to IS NULL OR valid_to > now()) ORDER BY code;

-- name: devices
-- Devices that somebody or something holds now. A post without a unit goes with the first unit of its squad.
SELECT d.name, d.kind, c.holder_kind,
       CASE c.holder_kind WHEN 'equipment' THEN c.holder END AS thing,
       CASE c.holder_kind WHEN 'unit' THEN c.holder
                          WHEN 'post' THEN coalesce(p.unit, (SELECT min(u.code) FROM unit u
                                                             WHERE u.squad = p.squad AND u.valid_to IS NULL)) END AS unit,
       c.holder_kind = 'post' AND p.unit IS NULL AS follows
  FROM device d
  JOIN custody c ON c.device = d.number AND c.valid_from <= now() AND (c.valid_to IS NULL OR c.valid_to > now())
  LEFT JOIN post p ON c.holder_kind = 'post' AND p.code = c.holder AND p.valid_from <= now()
                      AND (p.valid_to IS NULL OR p.valid_to > now())
 WHERE d.revoked_at IS NULL AND d.kind <> 'recorder'
 ORDER BY d.name;

-- name: incident
-- The number of the incident that a device's report at a moment opened.
SELECT number FROM incident WHERE source = %(source)s AND occurred_at = %(at)s ORDER BY id LIMIT 1;
