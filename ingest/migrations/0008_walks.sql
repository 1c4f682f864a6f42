-- Duties beside the rounds: lines to walk, grids to visit, places to hold, rounds to check; and data that came late.

-- A line that must be walked: so much of it, within so many metres of it. Geometry is a GeoJSON LineString.
CREATE TABLE line (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  grid       text,
  geometry   jsonb NOT NULL,
  corridor_m double precision NOT NULL DEFAULT 25 CHECK (corridor_m > 0),
  share      double precision NOT NULL DEFAULT 0.9 CHECK (share > 0 AND share <= 1),
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX line_in_force ON line (code) WHERE valid_to IS NULL;

-- This unit walks this line so many times in each shift of this code, each time in an equal part of it.
CREATE TABLE line_plan (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  line       text NOT NULL,
  unit       text NOT NULL,
  shift      text NOT NULL,
  times      smallint NOT NULL DEFAULT 1 CHECK (times BETWEEN 1 AND 48),
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX line_plan_in_force ON line_plan (code) WHERE valid_to IS NULL;

-- Posts of this role are in each grid of this level that they answer for on so many days of each week, month or
-- quarter, each time for so long.
CREATE TABLE visit_plan (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  role       text NOT NULL,
  every      text NOT NULL CHECK (every IN ('week', 'month', 'quarter')),
  level      smallint NOT NULL DEFAULT 3 CHECK (level >= 1),
  times      smallint NOT NULL DEFAULT 1 CHECK (times BETWEEN 1 AND 31),
  dwell_s    double precision NOT NULL DEFAULT 600 CHECK (dwell_s > 0),
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX visit_plan_in_force ON visit_plan (code) WHERE valid_to IS NULL;

-- This unit holds this place from then to then (local time of the site) for so much of the time. The place is a circle,
-- or a polygon around it: lat and lon are then its middle, and radius_m reaches its farthest corner.
CREATE TABLE static_post (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  grid       text,
  unit       text NOT NULL,
  lat        double precision NOT NULL,
  lon        double precision NOT NULL,
  radius_m   double precision NOT NULL CHECK (radius_m > 0),
  geometry   jsonb,
  days       text[] NOT NULL,
  starts     time NOT NULL,
  ends       time NOT NULL,
  share      double precision NOT NULL DEFAULT 0.9 CHECK (share > 0 AND share <= 1),
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX static_post_in_force ON static_post (code) WHERE valid_to IS NULL;

-- What a person found who checked a finished round; the first answer stands.
CREATE TABLE spot_check (
  duty        bigint PRIMARY KEY REFERENCES duty (id),
  outcome     text NOT NULL CHECK (outcome IN ('confirmed', 'not_confirmed')),
  note        text NOT NULL DEFAULT '',
  answered_at timestamptz NOT NULL,
  answered_by text NOT NULL
);

-- Readings that came long after they were made wake what was judged without them: subject is the device's number.
ALTER TABLE dirty_mark DROP CONSTRAINT dirty_mark_kind_check;
ALTER TABLE dirty_mark ADD CONSTRAINT dirty_mark_kind_check
  CHECK (kind IN ('checkpoint', 'incident', 'device', 'late'));

-- What late data may turn: the few duties that were judged and are not proven.
CREATE INDEX duty_unproven ON duty (opens_at)
  WHERE state = 'provisional' AND verdict IN ('early', 'late', 'missed', 'in_doubt');

-- Planners look at these, too.
CREATE TRIGGER line_planned AFTER INSERT OR UPDATE OR DELETE ON line
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('code');
CREATE TRIGGER line_plan_planned AFTER INSERT OR UPDATE OR DELETE ON line_plan
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('unit');
CREATE TRIGGER visit_plan_planned AFTER INSERT OR UPDATE OR DELETE ON visit_plan
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('code');
CREATE TRIGGER static_post_planned AFTER INSERT OR UPDATE OR DELETE ON static_post
  FOR EACH ROW EXECUTE FUNCTION note_plan_change('unit');
-- Weeks of one device's hours. With TimescaleDB the rollup is a view, which takes no index of this kind.
DO $$ BEGIN
  IF (SELECT relkind FROM pg_class WHERE oid = 'position_hour'::regclass) = 'r' THEN
    CREATE INDEX position_hour_device ON position_hour (device, hour);
  END IF;
END $$;
