-- name: make
-- The two tables that grow, as empty hypertables beside the old ones.
CREATE TABLE position_hyper (LIKE position INCLUDING ALL);
SELECT create_hypertable('position_hyper', by_range('time', interval '1 day'), create_default_indexes => false);
ALTER TABLE position_hyper SET (timescaledb.compress, timescaledb.compress_segmentby = 'device',
                                timescaledb.compress_orderby = 'time, digest');
CREATE TABLE reading_hyper (LIKE reading INCLUDING ALL);
SELECT create_hypertable('reading_hyper', by_range('time', interval '1 day'), create_default_indexes => false);
ALTER TABLE reading_hyper SET (timescaledb.compress, timescaledb.compress_segmentby = 'device',
                               timescaledb.compress_orderby = 'time, digest');

-- name: begun
-- Whether an earlier conversion left its tables.
SELECT to_regclass('position_hyper') IS NOT NULL AS begun;

-- name: has_rows
-- Whether there is anything to move.
SELECT EXISTS (SELECT FROM position) OR EXISTS (SELECT FROM reading) AS has_rows;

-- name: writers
-- Sessions of programs that write readings.
SELECT DISTINCT application_name AS name FROM pg_stat_activity
 WHERE datname = current_database()
   AND split_part(application_name, ' ', 1) = 'gengfu'
   AND split_part(application_name, ' ', 2) IN ('ingest', 'quarantine', 'drain');

-- name: copied_chunks
-- Days that an earlier conversion has copied and compressed.
SELECT range_start AS begins FROM timescaledb_information.chunks
 WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s AND is_compressed;

-- name: chunks_of_day
-- What to compress after a day is copied.
SELECT format('%%I.%%I', chunk_schema, chunk_name) AS name FROM timescaledb_information.chunks
 WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s
   AND range_start >= %(begins)s AND range_end <= %(ends)s AND NOT is_compressed;

-- name: lock
-- Nobody writes between the last count and the swap.
LOCK TABLE position, reading IN SHARE MODE;

-- name: counts
-- Rows before and after.
SELECT (SELECT count(*) FROM position) AS position, (SELECT count(*) FROM position_hyper) AS position_hyper,
       (SELECT count(*) FROM reading) AS reading, (SELECT count(*) FROM reading_hyper) AS reading_hyper;

-- name: view
-- The view's text, so that it stands in one place only: where it was made.
SELECT pg_get_viewdef('position_readable') AS definition;

-- name: older_hours
-- Figures of hours whose rows retention has dropped: they can never be computed again.
SELECT EXISTS (
  SELECT FROM position_hour WHERE hour < (SELECT coalesce(min(time), 'infinity') FROM position)
) AS there;

-- name: keep_hours
-- They stay beside.
ALTER TABLE position_hour RENAME TO position_hour_before;

-- name: drop_hours
-- The aggregate computes them anew.
DROP TABLE position_hour;

-- name: touch_hours
-- All that were rolled up are to be rolled up again.
INSERT INTO touched_hour (hour) SELECT DISTINCT hour FROM position_hour;

-- name: swap
-- The new tables take the names of the old ones.
DROP VIEW position_readable;
DROP TABLE position;
ALTER TABLE position_hyper RENAME TO position;
ALTER INDEX position_hyper_pkey RENAME TO position_pkey;
ALTER INDEX position_hyper_time_idx RENAME TO position_time;
DROP TABLE reading;
ALTER TABLE reading_hyper RENAME TO reading;
ALTER INDEX reading_hyper_pkey RENAME TO reading_pkey;
ALTER INDEX reading_hyper_type_time_idx RENAME TO reading_type;

-- name: aggregate
-- The hourly rollup under the name and with the columns of the table it replaces; hours not yet refreshed that lie
-- after the refreshed ones are computed when they are read.
CREATE MATERIALIZED VIEW position_hour
  WITH (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.create_group_indexes = false) AS
SELECT time_bucket('1 hour', time) AS hour, device, coalesce(grid, 0) AS grid, count(*)::integer AS fixes,
       min(time) AS first, max(time) AS last
  FROM position GROUP BY 1, 2, 3
  WITH NO DATA;

-- name: index_hours
-- A unit's hours of months are found by its devices. Older conversions went without.
CREATE INDEX IF NOT EXISTS position_hour_device ON position_hour (device, hour);
