-- How far each lane of ingest has come, whether its worker has said goodbye, and which devices said more than they may.

ALTER TABLE ingest_progress
  ADD COLUMN caught_up_to timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN drained_at   timestamptz;

-- One row per device and worker: the last time it went over its allowance, and by how much.
CREATE TABLE device_excess (
  device   integer NOT NULL REFERENCES device (number),
  worker   text NOT NULL,
  since    timestamptz NOT NULL,
  last_at  timestamptz NOT NULL,
  readings bigint NOT NULL,
  PRIMARY KEY (device, worker)
) WITH (fillfactor = 50);
