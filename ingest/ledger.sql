-- name: open
-- Every entry there is, at nought until it happens.
INSERT INTO ingest_counter (worker, lane, name, reason, value)
SELECT %(worker)s, lane, name, reason, 0
  FROM unnest(%(lanes)s::text[]) AS lane,
       unnest(%(names)s::text[], %(reasons)s::text[]) AS e(name, reason)
 ORDER BY lane, name, reason
ON CONFLICT DO NOTHING;

-- name: received
-- What this worker has received so far, by lane.
SELECT lane, value FROM ingest_counter WHERE worker = %(worker)s AND name = 'received' AND reason = '';

-- name: lost
-- Readings that the database had confirmed and has no more.
INSERT INTO ingest_counter AS c (worker, lane, name, reason, value)
VALUES (%(worker)s, %(lane)s, 'unbalanced', 'database', %(value)s)
ON CONFLICT (worker, lane, name, reason) DO UPDATE SET value = c.value + excluded.value;
