-- name: list
-- Newest first.
SELECT id, topic, codec, reason, detail, received_at, last_at, times, replayed_at, length(payload) AS bytes
  FROM quarantine
 WHERE (%(reason)s::text IS NULL OR reason = %(reason)s) AND (%(replayed)s OR replayed_at IS NULL)
 ORDER BY id DESC LIMIT %(limit)s;

-- name: counts
-- How many wait, by reason.
SELECT reason, count(*) AS waiting FROM quarantine WHERE replayed_at IS NULL GROUP BY reason ORDER BY reason;

-- name: show
-- One entry, whole.
SELECT * FROM quarantine WHERE id = %(id)s;

-- name: waiting
-- What a replay takes, oldest first.
SELECT * FROM quarantine
 WHERE replayed_at IS NULL AND (%(reason)s::text IS NULL OR reason = %(reason)s)
   AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s))
 ORDER BY id;

-- name: replayed
-- It is stored now.
UPDATE quarantine SET replayed_at = now() WHERE id = %(id)s;
