-- name: add
INSERT INTO account (name, password, role, scope, unit)
VALUES (%(name)s, %(password)s, %(role)s, %(scope)s, %(unit)s)
ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: list
-- Everybody, with how many sessions are open; passwords stay where they are.
SELECT a.name, a.role, a.scope, a.unit, a.created_at, a.closed_at,
       (SELECT count(*) FROM session s WHERE s.account = a.id AND s.expires_at > now()) AS sessions
  FROM account a ORDER BY a.name;

-- name: lock
-- The lock orders a change of the account against a sign-in that is under way.
SELECT id, name, role, scope, unit, closed_at FROM account WHERE name = %(name)s FOR UPDATE;

-- name: close
UPDATE account SET closed_at = %(at)s WHERE id = %(id)s AND closed_at IS NULL;

-- name: set_password
UPDATE account SET password = %(password)s WHERE id = %(id)s;

-- name: change
UPDATE account SET role = %(role)s, scope = %(scope)s, unit = %(unit)s WHERE id = %(id)s;

-- name: end_sessions
DELETE FROM session WHERE account = %(id)s;

-- name: names
SELECT name FROM account WHERE closed_at IS NULL ORDER BY name LIMIT 20;

-- name: grid
SELECT 1 AS it FROM grid WHERE code = %(code)s AND valid_to IS NULL;

-- name: unit
SELECT 1 AS it FROM unit WHERE code = %(code)s AND valid_to IS NULL;

-- name: some_grids
SELECT code FROM grid WHERE valid_to IS NULL ORDER BY level, code LIMIT 12;

-- name: some_units
SELECT code FROM unit WHERE valid_to IS NULL ORDER BY code LIMIT 12;
