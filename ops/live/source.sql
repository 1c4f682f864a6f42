-- name: snapshot
-- The oldest transaction that this look may not see; whatever it does not see has an xmin of at least that.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS since;

-- name: sessions
-- The sessions behind the readers that are in force.
SELECT s.token_hash, s.expires_at, a.id, a.name, a.role, a.scope, a.unit
  FROM session s JOIN account a ON a.id = s.account
 WHERE s.token_hash = ANY(%(token_hashes)s) AND a.closed_at IS NULL
   AND s.expires_at > %(now)s AND s.seen_at > %(idle_since)s;

-- name: touch
-- Whoever watches is not idle.
UPDATE session SET seen_at = %(now)s WHERE token_hash = ANY(%(token_hashes)s) AND seen_at < %(before)s;

-- name: territory
-- The codes of the grids of a territory.
SELECT code FROM grids_within(%(scope)s) AS code;

-- name: standing
-- How long ago each part of the road last showed life, in seconds.
SELECT (SELECT max(extract(epoch FROM clock_timestamp() - beat_at))::float8
          FROM ingest_progress WHERE drained_at IS NULL) AS ingest_s,
       (SELECT extract(epoch FROM clock_timestamp() - max(heard_at))::float8 FROM last_known) AS newest_s,
       (SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 FROM rules_leader) AS rules_s;
