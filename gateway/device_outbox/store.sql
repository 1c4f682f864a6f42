-- name: schema
-- One row for each reading that no receipt has covered; newest first is the key read backwards.
CREATE TABLE IF NOT EXISTS entry (
  lane    TEXT    NOT NULL,
  boot    INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  tries   INTEGER NOT NULL DEFAULT 0,  -- times that it was sent, and a receipt for something later came instead of its own
  parked  INTEGER NOT NULL DEFAULT 0,
  thins   INTEGER NOT NULL DEFAULT 0,  -- whether it may go when the outbox is full
  reading BLOB    NOT NULL,            -- JSON as it is published
  PRIMARY KEY (lane, boot, seq)
) WITHOUT ROWID;

-- name: tally
-- What happened in the outbox's whole life.
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- name: add
-- A new reading.
INSERT INTO entry (lane, boot, seq, thins, reading) VALUES (?, ?, ?, ?, ?);

-- name: newest
-- What was said last before a moment, and is not parked.
SELECT boot, seq, tries, reading
  FROM entry
 WHERE lane = :lane AND (boot, seq) < (:boot, :seq) AND parked = 0
 ORDER BY boot DESC, seq DESC
 LIMIT :most;

-- name: forget
-- A receipt covers them.
DELETE FROM entry
 WHERE lane IN ('up', 'urgent') AND boot = :boot AND seq BETWEEN :first AND :last
RETURNING lane, boot, seq, parked, length(reading);

-- name: try
-- Waited for in vain once more.
UPDATE entry SET tries = tries + 1, parked = (tries + 1 >= ?) WHERE lane = ? AND boot = ? AND seq = ? AND parked = 0
RETURNING parked;

-- name: requeue
-- Sent again as if for the first time.
UPDATE entry SET parked = 0, tries = 0 WHERE parked <> 0;

-- name: parked
-- What was put aside, the oldest first.
SELECT lane, boot, seq, tries, reading FROM entry WHERE parked <> 0 ORDER BY boot, seq;

-- name: thin
-- Every second one of the oldest that may go.
DELETE FROM entry
 WHERE lane = 'up' AND (boot, seq) IN (
       SELECT boot, seq
         FROM (SELECT boot, seq, row_number() OVER (ORDER BY boot, seq) AS place
                 FROM entry WHERE lane = 'up' AND thins <> 0 ORDER BY boot, seq LIMIT 2 * :number)
        WHERE place % 2 = 0)
RETURNING boot, seq, parked, length(reading);

-- name: count
-- Adds to a number of the outbox's life.
INSERT INTO tally VALUES (:name, :by) ON CONFLICT (name) DO UPDATE SET value = value + :by;

-- name: counted
-- A number of the outbox's life.
SELECT value FROM tally WHERE name = :name;

-- name: totals
-- How many wait and are parked on each lane, with their bytes.
SELECT lane, sum(parked = 0), sum(parked <> 0), sum(length(reading)) FROM entry GROUP BY lane;

-- name: ends
-- The oldest and the newest reading.
SELECT (SELECT reading FROM entry ORDER BY boot, seq LIMIT 1),
       (SELECT reading FROM entry ORDER BY boot DESC, seq DESC LIMIT 1);

-- name: last_boot
-- The highest boot counter that is in use.
SELECT max(boot) FROM entry;
