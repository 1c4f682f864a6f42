-- Fair verdicts: what was waived and by whom, what the carrier says against a verdict, and who was told what.

ALTER TABLE duty
  ADD COLUMN waived_at  timestamptz,
  ADD COLUMN waived_by  text,
  ADD COLUMN waived_why text;
CREATE INDEX duty_of_unit ON duty (unit, due_at);
CREATE INDEX duty_by_deadline ON duty (due_at, id);

-- One act of waiving: of one duty, of one round (both by key, because a plan may be made anew), or of all duties of a
-- unit or a grid whose windows lie within a span. It is never deleted; whoever takes it back ends it.
CREATE TABLE waiver (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  duty     text,
  round    text,
  unit     text,
  grid     text,
  rules    text[],
  since    timestamptz,
  until    timestamptz,
  why      text NOT NULL,
  made_by  text NOT NULL,
  made_at  timestamptz NOT NULL,
  ended_by text,
  ended_at timestamptz,
  CHECK (num_nonnulls(duty, round) = 1 AND num_nonnulls(unit, grid, rules, since, until) = 0
         OR num_nonnulls(duty, round) = 0 AND num_nonnulls(unit, grid) > 0 AND num_nonnulls(since, until) = 2
            AND since < until)
);
CREATE INDEX waiver_duty ON waiver (duty) WHERE duty IS NOT NULL;
CREATE INDEX waiver_round ON waiver (round) WHERE round IS NOT NULL;
CREATE INDEX waiver_until ON waiver (until) WHERE until IS NOT NULL;
ALTER TABLE duty ADD COLUMN waiver bigint REFERENCES waiver (id);
CREATE INDEX duty_waiver ON duty (waiver) WHERE waiver IS NOT NULL;

-- Whether a waiver is about a duty, in force or not.
CREATE FUNCTION waiver_covers(w waiver, d duty) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN w.duty IS NOT NULL THEN w.duty = d.key
    WHEN w.round IS NOT NULL THEN EXISTS (SELECT 1 FROM round r WHERE r.id = d.round AND r.key = w.round)
    ELSE d.opens_at >= w.since AND d.due_at <= w.until
         AND (w.unit IS NULL OR d.unit IS NOT DISTINCT FROM w.unit)
         AND (w.rules IS NULL OR d.rule = ANY (w.rules))
         AND (w.grid IS NULL OR coalesce(d.grid IN (SELECT grids_within(w.grid)), false))
  END
$$;

-- What the carrier says against a verdict, and the answer to it.
CREATE TABLE objection (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  duty        bigint NOT NULL REFERENCES duty (id),
  account     text NOT NULL,
  unit        text NOT NULL,
  text        text NOT NULL CHECK (length(text) BETWEEN 1 AND 1000),
  verdict     text NOT NULL,
  made_at     timestamptz NOT NULL,
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'upheld', 'rejected', 'withdrawn')),
  remedy      text CHECK (remedy IN ('waived', 'corrected')),
  answer      text,
  answered_by text,
  answered_at timestamptz,
  seen_at     timestamptz,
  CHECK ((state = 'upheld') = (remedy IS NOT NULL)),
  CHECK (state NOT IN ('upheld', 'rejected') OR (answer <> '' AND num_nonnulls(answered_by, answered_at) = 2))
);
CREATE UNIQUE INDEX objection_open ON objection (duty) WHERE state = 'open';
CREATE INDEX objection_duty ON objection (duty);
CREATE INDEX objection_account ON objection (account, id);

-- Who was told of an alert, up to which line of its history and as what; whoever was told is told again.
CREATE TABLE told (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert   bigint NOT NULL REFERENCES alert (id),
  history bigint NOT NULL REFERENCES alert_history (id),
  kind    text NOT NULL CHECK (kind IN ('account', 'device')),
  who     text NOT NULL,
  channel text NOT NULL CHECK (channel IN ('console', 'notice')),
  class   text NOT NULL,
  at      timestamptz NOT NULL,
  outbox  bigint REFERENCES outbox (id),
  UNIQUE (alert, kind, who, channel, history)
);
CREATE INDEX told_who ON told (kind, who, at);
CREATE INDEX told_outbox ON told (outbox) WHERE outbox IS NOT NULL;

-- Notices for the role officer were written and never sent; the console shows what they said. Those that follow are for
-- devices and are sent, so what waits from before must go.
DELETE FROM outbox WHERE channel = 'notice' AND sent_at IS NULL;

-- A person's act on a duty wakes its judgement, like late data do.
ALTER TABLE dirty_mark DROP CONSTRAINT dirty_mark_kind_check;
ALTER TABLE dirty_mark ADD CONSTRAINT dirty_mark_kind_check
  CHECK (kind IN ('checkpoint', 'incident', 'device', 'late', 'duty'));
