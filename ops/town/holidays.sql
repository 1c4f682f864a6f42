-- name: lock_holidays
-- Two edits go one after the other.
LOCK TABLE holiday IN SHARE ROW EXCLUSIVE MODE;

-- name: list
-- The days in force within a span.
SELECT day, name, kind, valid_from FROM holiday
 WHERE valid_to IS NULL AND day >= %(since)s AND day <= %(until)s ORDER BY day;

-- name: current
-- What a day is now.
SELECT id, name, kind, valid_from FROM holiday WHERE day = %(day)s AND valid_to IS NULL;

-- name: drop
-- It never was what it said.
DELETE FROM holiday WHERE day = %(day)s AND valid_from >= %(at)s;

-- name: shorten
-- What an older version says after a moment does not hold.
UPDATE holiday SET valid_to = %(at)s WHERE day = %(day)s AND valid_from < %(at)s AND (valid_to IS NULL OR valid_to > %(at)s);

-- name: add
-- From a moment on; NULL is since always.
INSERT INTO holiday (day, name, kind, valid_from)
VALUES (%(day)s, %(name)s, %(kind)s, coalesce(%(at)s, timestamptz '2000-01-01Z'));

-- name: record
INSERT INTO audit (actor, action, subject, detail) VALUES (%(actor)s, %(action)s, %(subject)s, %(detail)s);
