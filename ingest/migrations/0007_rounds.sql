-- Rounds: what a checkpoint is and how it is proven, when a shift is walked, and duties that a correction superseded.

-- A polygon counts as the place itself; lat, lon and radius_m are then the circle around it, by which ingest wakes.
ALTER TABLE checkpoint ADD COLUMN geometry jsonb;
ALTER TABLE checkpoint ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
ALTER TABLE checkpoint ADD COLUMN dwell_s integer CHECK (dwell_s > 0);
UPDATE checkpoint SET tags = ARRAY[tag] WHERE tag IS NOT NULL;
ALTER TABLE checkpoint DROP COLUMN tag;

-- legs[i] is the way from checkpoint i to the next: {"minutes": 12, "tolerance_min": 5}.
ALTER TABLE route ADD COLUMN ordered boolean NOT NULL DEFAULT false;
ALTER TABLE route ADD COLUMN legs jsonb NOT NULL DEFAULT '[]';

-- first_day and last_day, both included: month and day of a seasonal shift, dates of a targeted one.
ALTER TABLE shift ADD COLUMN mode text NOT NULL DEFAULT 'constant'
  CHECK (mode IN ('constant', 'seasonal', 'targeted', 'random'));
ALTER TABLE shift ADD COLUMN first_day text;
ALTER TABLE shift ADD COLUMN last_day text;
ALTER TABLE shift ADD COLUMN round_min smallint CHECK (round_min > 0);
ALTER TABLE shift ADD COLUMN holidays text NOT NULL DEFAULT 'as_usual'
  CHECK (holidays IN ('as_usual', 'skip', 'only'));
ALTER TABLE shift ADD CONSTRAINT shift_period CHECK (CASE mode
  WHEN 'seasonal' THEN first_day ~ '^\d\d-\d\d$' AND last_day ~ '^\d\d-\d\d$'
  WHEN 'targeted' THEN first_day ~ '^\d{4}-\d\d-\d\d$' AND last_day ~ '^\d{4}-\d\d-\d\d$'
  ELSE first_day IS NULL AND last_day IS NULL END);

CREATE TABLE holiday (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  day        date NOT NULL,
  name       text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('rest', 'work')),
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX holiday_in_force ON holiday (day) WHERE valid_to IS NULL;

-- A duty that a corrected plan no longer has stays as it was, under a key of its own.
ALTER TABLE duty ADD COLUMN superseded_at timestamptz;
ALTER TABLE duty ADD COLUMN superseded_why text;
ALTER TABLE duty DROP CONSTRAINT duty_state_check;
ALTER TABLE duty ADD CONSTRAINT duty_state_check
  CHECK (state IN ('planned', 'open', 'waiting', 'provisional', 'final', 'superseded'));
ALTER TABLE round ADD COLUMN superseded_at timestamptz;

-- Planning began then: no correction makes duties that ended before.
ALTER TABLE rules_leader ADD COLUMN planned_from timestamptz;
UPDATE rules_leader SET planned_from = coalesce((SELECT min(due_at) FROM duty WHERE round IS NOT NULL), planned_until);

-- Append-only, like dirty_mark: what changed in the plans, and from when to when; whoever plans anew deletes what it read.
CREATE TABLE plan_change (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind    text NOT NULL,
  subject text NOT NULL,
  since   timestamptz NOT NULL,
  until   timestamptz,
  made_at timestamptz NOT NULL DEFAULT now()
);

-- The triggers see every change, whoever makes it; their argument names the column that says whom it concerns. A row
-- that only ends sooner or later changes nothing before that.
CREATE FUNCTION note_plan_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before jsonb := to_jsonb(OLD);
  after  jsonb := to_jsonb(NEW);
  since  timestamptz := least((before->>'valid_from')::timestamptz, (after->>'valid_from')::timestamptz);
  until  timestamptz := greatest(
    CASE WHEN before IS NOT NULL THEN coalesce((before->>'valid_to')::timestamptz, 'infinity') END,
    CASE WHEN after IS NOT NULL THEN coalesce((after->>'valid_to')::timestamptz, 'infinity') END);
BEGIN
  IF before = after THEN
    RETURN NULL;
  END IF;
  IF before - 'valid_to' = after - 'valid_to' THEN
    since := least((before->>'valid_to')::timestamptz, (after->>'valid_to')::timestamptz);
  END IF;
  INSERT INTO plan_change (kind, subject, since, until)
  SELECT DISTINCT TG_TABLE_NAME, coalesce(its->>TG_ARGV[0], ''), since, nullif(until, 'infinity')
    FROM unnest(ARRAY[before, after]) AS its WHERE its IS NOT NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER shift_planned AFTER INSERT OR UPDATE OR DELETE ON shift
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('unit');
CREATE TRIGGER route_planned AFTER INSERT OR UPDATE OR DELETE ON route
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('code');
CREATE TRIGGER checkpoint_planned AFTER INSERT OR UPDATE OR DELETE ON checkpoint
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('code');
CREATE TRIGGER holiday_planned AFTER INSERT OR UPDATE OR DELETE ON holiday
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('day');
CREATE TRIGGER custody_planned AFTER INSERT OR UPDATE OR DELETE ON custody
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('holder');
CREATE TRIGGER post_planned AFTER INSERT OR UPDATE OR DELETE ON post
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('unit');
CREATE TRIGGER unit_planned AFTER INSERT OR UPDATE OR DELETE ON unit
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('code');
CREATE TRIGGER grid_planned AFTER INSERT OR UPDATE OR DELETE ON grid
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('code');
CREATE TRIGGER rule_setting_planned AFTER INSERT OR UPDATE OR DELETE ON rule_setting
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('rule');
CREATE TRIGGER grade_policy_planned AFTER INSERT OR UPDATE OR DELETE ON grade_policy
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('grade');
CREATE TRIGGER grid_post_planned AFTER INSERT OR UPDATE OR DELETE ON grid_post
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('grid');
CREATE TRIGGER leave_planned AFTER INSERT OR UPDATE OR DELETE ON leave
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('post');
