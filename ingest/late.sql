-- name: count
-- Readings by hour against the edges: each counts for the farthest edge that it lies before.
INSERT INTO late_counter AS c (worker, lane, kind, value)
SELECT %(worker)s, %(lane)s, e.name, sum(h.readings)
  FROM unnest(%(hours)s::timestamptz[], %(readings)s::bigint[]) AS h (hour, readings)
  CROSS JOIN LATERAL (SELECT name FROM storage_edge WHERE at > h.hour ORDER BY at, name LIMIT 1) e
 GROUP BY e.name ORDER BY e.name
ON CONFLICT (worker, lane, kind) DO UPDATE SET value = c.value + excluded.value;

-- name: move
-- An edge goes forward only.
INSERT INTO storage_edge AS e (name, at) VALUES (%(name)s, %(at)s)
ON CONFLICT (name) DO UPDATE SET at = greatest(e.at, excluded.at);

-- name: edges
-- How far the storage is done.
SELECT name, at FROM storage_edge;

-- name: counted
-- By kind, of all workers.
SELECT kind, sum(value)::bigint AS value FROM late_counter GROUP BY kind;
