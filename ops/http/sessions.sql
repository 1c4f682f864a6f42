-- name: find_account
-- The account that signs in, unless it is closed.
SELECT id, name, password, role, scope, unit FROM account WHERE name = %(name)s AND closed_at IS NULL;

-- name: lock_account
-- The same account still as it was when its password was checked; the lock orders sign-in against a change of it.
SELECT id FROM account WHERE id = %(account)s AND password = %(password)s AND closed_at IS NULL FOR SHARE;

-- name: rehash
UPDATE account SET password = %(password)s WHERE id = %(account)s AND password = %(old)s;

-- name: open_session
INSERT INTO session (token_hash, account, created_at, seen_at, expires_at, address)
VALUES (%(token_hash)s, %(account)s, %(now)s, %(now)s, %(expires_at)s, %(address)s);

-- name: close_session
DELETE FROM session WHERE token_hash = %(token_hash)s;

-- name: find_session
-- Who is behind a token that is neither idle for too long nor too old.
SELECT a.id, a.name, a.role, a.scope, a.unit, s.seen_at, s.expires_at
  FROM session s JOIN account a ON a.id = s.account
 WHERE s.token_hash = %(token_hash)s AND a.closed_at IS NULL
   AND s.expires_at > %(now)s AND s.seen_at > %(idle_since)s;

-- name: touch_session
UPDATE session SET seen_at = %(now)s WHERE token_hash = %(token_hash)s AND seen_at < %(now)s;

-- name: note_failure
INSERT INTO sign_in_failure (name, address, at) VALUES (%(name)s, %(address)s, %(now)s);

-- name: count_failures
-- Of late: for this account from this address, and for this account from anywhere.
SELECT count(*) FILTER (WHERE address = %(address)s) AS here, count(*) AS anywhere
  FROM sign_in_failure WHERE name = %(name)s AND at > %(since)s;

-- name: forget_failures
DELETE FROM sign_in_failure WHERE name = %(name)s AND address = %(address)s;

-- name: drop_stale_sessions
DELETE FROM session WHERE expires_at <= %(now)s OR seen_at <= %(idle_since)s;

-- name: drop_stale_failures
DELETE FROM sign_in_failure WHERE at <= %(since)s;
