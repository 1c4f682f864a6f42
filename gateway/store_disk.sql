-- name: note_store
-- What the disk under the broker's queues has left.
UPDATE broker_state
   SET store_free_bytes = %(free)s, store_size_bytes = %(size)s, store_looked_at = clock_timestamp();

-- name: forget_store
-- Nobody looks any more, and nobody is to.
UPDATE broker_state SET store_free_bytes = NULL, store_size_bytes = NULL, store_looked_at = NULL
 WHERE store_looked_at IS NOT NULL;
