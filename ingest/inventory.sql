-- name: database
-- The whole of it; a role that may not read settings gets no folder.
SELECT current_database() AS name, pg_database_size(current_database()) AS size_bytes,
       current_setting('server_version') AS server_version, (SELECT min(applied_at) FROM migration) AS made_at,
       CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END AS folder;

-- name: first
-- About when readings of a part began: the oldest of its first page, where the first that came stay.
SELECT min(time) AS at FROM {table} WHERE time >= %(begins)s AND time < %(ends)s AND ctid < '(1,0)';

-- name: tables
-- Every table of ours that is not split into parts, with its indexes; rows as the database estimates them.
SELECT c.relname AS name, greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) AS rows,
       pg_total_relation_size(c.oid) AS size_bytes
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
   AND c.relname NOT IN ('position', 'reading')
 ORDER BY size_bytes DESC, name;

-- name: aggregate
-- The rollup where it is a continuous aggregate: its rows lie in a hypertable of the extension's.
SELECT hypertable_size(kept.it) AS size_bytes, approximate_row_count(kept.it) AS rows
  FROM timescaledb_information.continuous_aggregates a
 CROSS JOIN LATERAL (
   SELECT format('%I.%I', a.materialization_hypertable_schema, a.materialization_hypertable_name)::regclass AS it
 ) kept
 WHERE a.view_name = 'position_hour' AND a.view_schema = 'public';
