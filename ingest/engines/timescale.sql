-- name: state
-- What this database is: how position is kept, and which extension could keep it.
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS version,
       coalesce(current_setting('timescaledb.license', true), '') AS licence,
       (SELECT relkind FROM pg_class WHERE oid = 'position'::regclass) = 'p' AS partitioned;

-- name: chunks
-- The chunks of both tables. Status 1 is compressed, 9 compressed with rows that came afterwards.
SELECT hypertable_name AS table, format('%I.%I', chunk_schema, chunk_name) AS name, range_start AS begins,
       range_end AS ends, _timescaledb_functions.chunk_status(format('%I.%I', chunk_schema, chunk_name)::regclass) AS status
  FROM timescaledb_information.chunks
 WHERE hypertable_schema = current_schema() AND hypertable_name IN ('position', 'reading')
 ORDER BY range_start, hypertable_name;

-- name: sizes
-- Bytes of each chunk with indexes and its columnar part, and its rows by the newest estimate there is. The statistics
-- of a compressed chunk still count the rows it had before; what came since is judged by its size, 100 bytes a row, and
-- so is all of it where there are no statistics, as on a standby.
SELECT format('%%I.%%I', s.chunk_schema, s.chunk_name) AS name, s.total_bytes AS size_bytes,
       CASE WHEN k.chunk_id IS NULL THEN coalesce(nullif(greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::bigint, 0), 0),
                                                    pg_relation_size(c.oid) / 100)
            ELSE k.numrows_pre_compression + pg_relation_size(c.oid) / 100 END AS rows
  FROM chunks_detailed_size(%(table)s::regclass) s
  JOIN pg_class c ON c.oid = format('%%I.%%I', s.chunk_schema, s.chunk_name)::regclass
  JOIN _timescaledb_catalog.chunk n ON n.schema_name = s.chunk_schema AND n.table_name = s.chunk_name
  LEFT JOIN _timescaledb_catalog.compression_chunk_size k ON k.chunk_id = n.id;

-- name: compress
-- Also merges the rows that came after a chunk was compressed.
SELECT compress_chunk(%(chunk)s::regclass);

-- name: drop
-- Whole chunks only.
SELECT drop_chunks(%(table)s::regclass, older_than => %(than)s::timestamptz) AS name;

-- name: refresh
-- Computes only what changed in this range since it was last computed.
CALL refresh_continuous_aggregate('position_hour', %(first)s::timestamptz, %(end)s::timestamptz);

-- name: interval
-- How long a new chunk is.
SELECT time_interval FROM timescaledb_information.dimensions
 WHERE hypertable_schema = current_schema() AND hypertable_name = %(table)s;

-- name: set_interval
-- Chunks that exist keep their length.
SELECT set_chunk_time_interval(%(table)s::regclass, %(length)s::interval);

-- name: limit
-- Nought is no limit.
SELECT current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction', true) AS value;
