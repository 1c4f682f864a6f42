-- name: note
-- More beyond the allowance; after ten quiet minutes it is told anew.
INSERT INTO device_excess AS e (device, worker, since, last_at, readings)
SELECT device, %(worker)s, now(), now(), readings
  FROM unnest(%(devices)s::integer[], %(readings)s::bigint[]) AS x(device, readings) ORDER BY device
ON CONFLICT (device, worker) DO UPDATE SET
  since    = CASE WHEN e.last_at < now() - interval '10 minutes' THEN excluded.since ELSE e.since END,
  readings = CASE WHEN e.last_at < now() - interval '10 minutes' THEN 0 ELSE e.readings END + excluded.readings,
  last_at  = excluded.last_at;
