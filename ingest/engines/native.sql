-- name: partitions
-- The partitions of a table by name, with the day that their name carries.
SELECT c.relname AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = %(table)s::regclass AND c.relname ~ '_\d{8}$';

-- name: named
-- A row when a table of this name is there, partition or not.
SELECT 1 AS it WHERE to_regclass(quote_ident(%(name)s)) IS NOT NULL;

-- name: parts
-- The same with what they hold: rows by the newest estimate there is, the planner's or that of the statistics; a
-- standby may have neither, then 150 bytes are a row.
SELECT c.relname AS name, to_date(right(c.relname, 8), 'YYYYMMDD') AS day,
       coalesce(nullif(greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0), 0),
                pg_relation_size(c.oid) / 150) AS rows,
       pg_total_relation_size(c.oid) AS size_bytes
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = %(table)s::regclass AND c.relname ~ '_\d{8}$'
 ORDER BY day;

-- name: forget_hours
-- The old figures of these hours.
DELETE FROM position_hour WHERE hour = ANY(%(hours)s);

-- name: roll_up_hours
-- Fixes per hour, device and grid, from the stored rows; outside every grid counts as grid 0.
INSERT INTO position_hour (hour, device, grid, fixes, first, last)
SELECT h.hour, p.device, coalesce(p.grid, 0), count(*), min(p.time), max(p.time)
  FROM unnest(%(hours)s::timestamptz[]) AS h (hour)
  JOIN position p ON p.time >= h.hour AND p.time < h.hour + interval '1 hour'
 GROUP BY h.hour, p.device, coalesce(p.grid, 0);
