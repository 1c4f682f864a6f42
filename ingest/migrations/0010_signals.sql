-- Lasting conditions: what came so late that a device's way must be read anew. `track` has a device number as subject;
-- `late` and `duty` stand here as well, so that the order in which they came to be known does not matter.

ALTER TABLE dirty_mark DROP CONSTRAINT IF EXISTS dirty_mark_kind_check;
ALTER TABLE dirty_mark ADD CONSTRAINT dirty_mark_kind_check
  CHECK (kind IN ('checkpoint', 'incident', 'device', 'late', 'duty', 'track'));
