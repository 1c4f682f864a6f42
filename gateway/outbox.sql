-- name: expire
-- Notices that nobody needs any more; whoever they were for was not told.
UPDATE outbox SET next_at = 'infinity', last_error = 'it was not sent in time'
 WHERE channel = 'notice' AND sent_at IS NULL AND next_at <= now() AND (payload->>'expires_at')::timestamptz <= now();

-- name: due
-- Messages for devices whose time has come, dispatches before notices, the oldest first.
SELECT id, target, payload
  FROM outbox
 WHERE channel IN ('down', 'notice') AND sent_at IS NULL AND next_at <= now()
 ORDER BY channel, id
 LIMIT %(limit)s;

-- name: sent
-- The broker has confirmed them.
UPDATE outbox SET sent_at = now(), attempts = attempts + 1, last_error = NULL WHERE id = ANY(%(ids)s);

-- name: failed
-- Not confirmed; each failure doubles the wait, up to five minutes.
UPDATE outbox
   SET attempts = attempts + 1,
       next_at = now() + least(power(2, least(attempts, 16)), 300) * interval '1 second',
       last_error = %(error)s
 WHERE id = ANY(%(ids)s);

-- name: impossible
-- It names no device that can have a topic; it is kept for people to see and never tried again.
UPDATE outbox SET attempts = attempts + 1, next_at = 'infinity', last_error = %(error)s WHERE id = %(id)s;
