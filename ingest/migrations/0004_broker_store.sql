-- Whether the broker can still save what it confirms: the disk under its queues, as the gateway last saw it.

ALTER TABLE broker_state
  ADD COLUMN store_free_bytes bigint,
  ADD COLUMN store_size_bytes bigint,
  ADD COLUMN store_looked_at  timestamptz;
