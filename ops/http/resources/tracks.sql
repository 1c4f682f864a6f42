-- name: find_device
-- The device, and whether it has to do with the viewer's territory now.
SELECT d.number, d.name, %(scope)s::text IS NULL OR d.number IN (SELECT devices_within(%(scope)s)) AS here
  FROM device d WHERE d.name = %(name)s;

-- name: read_track
-- Positions in order of time, within the territory; whoever sees its own unit only, while that unit or one of its
-- posts held the device.
SELECT p.time, p.digest, p.lat / 1e7::float8 AS lat, p.lon / 1e7::float8 AS lon, p.accuracy / 10::float8 AS accuracy_m,
       p.speed / 100::float8 AS speed_mps, p.heading / 10::float8 AS heading_deg, p.altitude AS altitude_m,
       p.battery AS battery_pct, p.flags, p.boot, p.seq, p.received_at, g.code AS grid
  FROM position p LEFT JOIN grid g ON g.id = p.grid
 WHERE p.device = %(device)s AND p.time >= %(since)s AND p.time < %(until)s
   AND (%(scope)s::text IS NULL OR g.code IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR EXISTS (
         SELECT 1 FROM custody c
           LEFT JOIN post o ON c.holder_kind = 'post' AND o.code = c.holder
                AND o.valid_from <= p.time AND (o.valid_to IS NULL OR o.valid_to > p.time)
          WHERE c.device = p.device AND c.valid_from <= p.time AND (c.valid_to IS NULL OR c.valid_to > p.time)
            AND CASE c.holder_kind WHEN 'unit' THEN c.holder ELSE o.unit END = %(own_unit)s))
   AND (%(past_time)s::timestamptz IS NULL OR (p.time, p.digest) > (%(past_time)s, %(past_digest)s::integer))
 ORDER BY p.time, p.digest
 LIMIT %(limit)s;
