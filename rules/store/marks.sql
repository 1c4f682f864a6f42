-- name: some
-- The oldest marks of some kinds; a later one may commit with a smaller id, so only what is read here is deleted.
SELECT id, kind, subject, window_from, window_to, made_at FROM dirty_mark
 WHERE kind = ANY(%(kinds)s) AND NOT subject = ANY(%(without)s) ORDER BY id LIMIT %(limit)s;

-- name: forget
-- Marks that were read and acted upon.
DELETE FROM dirty_mark WHERE id = ANY(%(ids)s);
