-- Late data: marks that never make two writers wait for each other, how far the storage is done, and what came later.

-- Append-only, like dirty_mark: whoever rolls up deletes only the marks it read before it computed.
ALTER TABLE touched_hour DROP CONSTRAINT touched_hour_pkey;
ALTER TABLE touched_hour ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;

-- Everything before `at` has been dropped, compressed or rolled up.
CREATE TABLE storage_edge (
  name text PRIMARY KEY CHECK (name IN ('dropped', 'compressed', 'rolled_up')),
  at   timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Readings taken in for a time that lay before an edge, counted in the transaction that took them in.
CREATE TABLE late_counter (
  worker text NOT NULL,
  lane   text NOT NULL,
  kind   text NOT NULL,
  value  bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (worker, lane, kind)
) WITH (fillfactor = 50);
