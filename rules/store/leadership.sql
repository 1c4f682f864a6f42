-- name: try_lock
-- The lock that only the holder's session has; it ends with the session, however that ends.
SELECT pg_try_advisory_lock(%(lock)s) AS got;

-- name: wait_for_writers
-- Locks the row against every transaction that still writes under the old fencing number.
SELECT fence FROM rules_leader FOR UPDATE;

-- name: take
-- A new holder, a new fencing number.
INSERT INTO rules_leader (holder, fence, pid, beat_at) VALUES (%(holder)s, 1, pg_backend_pid(), clock_timestamp())
ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, fence = rules_leader.fence + 1, pid = excluded.pid,
                                beat_at = excluded.beat_at
RETURNING fence;

-- name: beat
-- Still here. By the database's clock, since holders may stand on several machines.
UPDATE rules_leader SET beat_at = clock_timestamp() WHERE fence = %(fence)s RETURNING fence;

-- name: check
-- Nothing may be written unless this fencing number still holds; the lock makes a successor wait for this transaction.
SELECT 1 AS ok FROM rules_leader WHERE fence = %(fence)s FOR KEY SHARE;

-- name: holder
-- Who holds the rules, and how long ago it last said so.
SELECT holder, pid, extract(epoch FROM clock_timestamp() - beat_at)::float8 AS silent_s FROM rules_leader;

-- name: end_sessions
-- End every session of a holder that has gone quiet: the one with the lock, and those that may hang in a transaction.
SELECT count(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND (application_name = %(application)s OR (pid = %(pid)s AND application_name LIKE 'gengfu rules%%'));
