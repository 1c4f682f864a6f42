-- Territory: several hierarchies over the same ground, who answers for a grid, and what a grade asks for.

-- Readings and duties bear grids of the hierarchy 'patrol'; the others are looked at through them. Any depth.
ALTER TABLE grid ADD COLUMN hierarchy text NOT NULL DEFAULT 'patrol' CHECK (hierarchy ~ '^[a-z][a-z0-9_]{0,31}$');
ALTER TABLE grid DROP CONSTRAINT grid_level_check;
ALTER TABLE grid ADD CONSTRAINT grid_level_check CHECK (level >= 1);

-- Which post answers for a grid: A, and B when A is away. No row in force is a vacancy.
CREATE TABLE grid_post (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  grid       text NOT NULL,
  slot       text NOT NULL CHECK (slot IN ('A', 'B')),
  post       text NOT NULL,
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX grid_post_in_force ON grid_post (grid, slot) WHERE valid_to IS NULL;

-- What a grade asks for at least: rounds and staff on each shift, and how severe a missed duty is; NULL severity leaves
-- that to the rule. A grade without a row asks for nothing.
CREATE TABLE grade_policy (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  grade      smallint NOT NULL CHECK (grade BETWEEN 1 AND 4),
  rounds     smallint NOT NULL CHECK (rounds BETWEEN 0 AND 48),
  staff      smallint NOT NULL CHECK (staff BETWEEN 0 AND 100),
  severity   text CHECK (severity IN ('info', 'warning', 'high', 'critical')),
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX grade_policy_in_force ON grade_policy (grade) WHERE valid_to IS NULL;

-- The patrol grids that lie on the ground of a grid of another hierarchy, at every level of both. Computed from the
-- grids in force by whoever changes a geometry, so that no question of a viewer needs geometry.
CREATE TABLE grid_ground (
  grid   text NOT NULL,
  ground text NOT NULL,
  share  real NOT NULL CHECK (share > 0 AND share <= 1),
  PRIMARY KEY (grid, ground)
);

-- The codes of a grid and of all that lie below it today, and of the patrol grids on its ground; NULL asks for every grid.
CREATE OR REPLACE FUNCTION grids_within(scope text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  WITH RECURSIVE below AS (
    SELECT code FROM grid WHERE valid_to IS NULL AND (code = scope OR scope IS NULL)
    UNION
    SELECT g.code FROM grid g JOIN below b ON g.parent = b.code WHERE g.valid_to IS NULL
  ) SELECT code FROM below UNION SELECT ground FROM grid_ground WHERE grid = scope
$$;

-- Measures ask for the duties of a span.
CREATE INDEX duty_opens ON duty (opens_at);
