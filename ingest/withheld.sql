-- name: hold
-- No span comes in before this transaction ends: whoever writes one waits for this row.
SELECT revision FROM tracking_state FOR SHARE;

-- name: keep
-- Sealed rows; one that was sealed within the hour is there already.
INSERT INTO withheld_fix (hour, device, time, nonce, received_at, content)
SELECT %(hour)s, * FROM unnest(%(devices)s::integer[], %(times)s::timestamptz[], %(nonces)s::bytea[],
                               %(received)s::timestamptz[], %(contents)s::bytea[])
ON CONFLICT DO NOTHING;

-- name: parts
-- The partitions by name, with the hour that their name carries.
SELECT c.relname AS name, to_timestamp(right(c.relname, 10) || '+00', 'YYYYMMDDHH24TZH') AS hour
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'withheld_fix'::regclass AND c.relname ~ '_\d{10}$'
 ORDER BY c.relname;

-- name: drop_quarantined
-- Sealed payloads that are as old.
DELETE FROM quarantine WHERE nonce IS NOT NULL AND last_at < %(before)s;

-- name: sealed
-- What lies sealed, by the newest estimate there is; no row of it is read.
SELECT coalesce(sum(p.rows), 0)::bigint AS readings, min(p.hour) FILTER (WHERE p.rows > 0) AS oldest,
       (SELECT count(*) FROM quarantine WHERE nonce IS NOT NULL) AS quarantined
  FROM (SELECT greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) AS rows,
               to_timestamp(right(c.relname, 10) || '+00', 'YYYYMMDDHH24TZH') AS hour
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'withheld_fix'::regclass AND c.relname ~ '_\d{10}$') p;

-- name: newest_span
SELECT (SELECT max(id) FROM tracking_span) AS newest, released_up_to FROM tracking_state;

-- name: freed
-- Sealed rows that spans written since the last time cover. They are taken out in the transaction that stores them.
WITH freed AS (
  SELECT DISTINCT w.hour, w.device, w.time, w.nonce
    FROM tracking_span s
    JOIN withheld_fix w ON w.device = s.device AND w.time >= s.valid_from AND w.time < s.valid_to
   WHERE s.id > %(after)s AND s.id <= %(up_to)s AND s.valid_from <= now() + interval '10 minutes'
   ORDER BY w.device, w.time, w.nonce, w.hour
   LIMIT %(limit)s
)
DELETE FROM withheld_fix w USING freed f
 WHERE w.device = f.device AND w.time = f.time AND w.nonce = f.nonce AND w.hour = f.hour
RETURNING w.device, w.time, w.nonce, w.received_at, w.content;

-- name: freed_days
-- A moment in each day that such rows are of.
SELECT DISTINCT date_trunc('day', w.time, 'UTC') AS day
  FROM tracking_span s
  JOIN withheld_fix w ON w.device = s.device AND w.time >= s.valid_from AND w.time < s.valid_to
 WHERE s.id > %(after)s AND s.id <= %(up_to)s AND s.valid_from <= now() + interval '10 minutes';

-- name: corrects
-- What was judged without these readings, final verdicts too, is judged again, as after any correction of the roster.
INSERT INTO plan_change (kind, subject, since, until)
SELECT DISTINCT 'custody', c.holder, s.since, s.until
  FROM unnest(%(devices)s::integer[], %(froms)s::timestamptz[], %(tos)s::timestamptz[]) AS s(device, since, until)
  JOIN custody c ON c.device = s.device AND c.valid_from <= s.until AND (c.valid_to IS NULL OR c.valid_to > s.since);

-- name: released
-- Everything that these spans cover is released.
UPDATE tracking_state SET released_up_to = greatest(released_up_to, %(up_to)s);
