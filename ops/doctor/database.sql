-- name: settings
-- What the server is set to, for us; units as pg_settings gives them.
SELECT name, setting FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'max_connections', 'superuser_reserved_connections',
                'autovacuum', 'default_transaction_read_only', 'server_version', 'server_version_num',
                'synchronous_standby_names', 'server_encoding');

-- name: state
-- Clock, recovery, size and connections of this moment.
SELECT clock_timestamp() AS now, pg_is_in_recovery() AS standby, pg_database_size(current_database()) AS bytes,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connected,
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescale,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS timescale_offered;

-- name: timescale_license
-- Compression and continuous aggregates need the community licence.
SELECT current_setting('timescaledb.license', true) AS license;
