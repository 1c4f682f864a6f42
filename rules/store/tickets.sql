-- name: known
-- Whether this work has had a ticket, open or closed.
SELECT EXISTS (SELECT 1 FROM ticket WHERE fingerprint = %(fingerprint)s) AS it;

-- name: open
-- A new ticket.
INSERT INTO ticket (number, fingerprint, kind, equipment, title, text, grid, due_at, duty, opened_at)
VALUES (%(number)s, %(fingerprint)s, %(kind)s, %(equipment)s, %(title)s, %(text)s, %(grid)s, %(due_at)s, %(duty)s,
        %(opened_at)s);

-- name: close
-- The work is done or no longer wanted.
UPDATE ticket SET state = 'closed', closed_at = %(at)s, resolution = %(resolution)s
 WHERE fingerprint = %(fingerprint)s AND state = 'open';
