-- The house: the dated world, readings, duties, what people act on.
-- Dated rows hold from valid_from (inclusive) to valid_to (exclusive); NULL valid_to means "still in force".
-- 2000-01-01 stands for "as far back as we know": no accepted reading is older.

-- The world ---------------------------------------------------------------------------------------------------

CREATE TABLE grid (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  level      smallint NOT NULL CHECK (level BETWEEN 1 AND 9),
  parent     text,
  grade      smallint CHECK (grade BETWEEN 1 AND 4),
  geometry   jsonb NOT NULL,
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX grid_in_force ON grid (code) WHERE valid_to IS NULL;
CREATE INDEX grid_parent ON grid (parent);

CREATE TABLE unit (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('foot', 'motorcycle', 'car', 'electric')),
  squad      text,
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX unit_in_force ON unit (code) WHERE valid_to IS NULL;

CREATE TABLE post (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  squad      text,
  unit       text,
  role       text NOT NULL,
  grid       text,
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX post_in_force ON post (code) WHERE valid_to IS NULL;

CREATE TABLE device (
  number        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name          text NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9_-]{1,64}$'),
  kind          text NOT NULL CHECK (kind IN ('handset', 'radio', 'vehicle', 'tag', 'recorder')),
  label         text,
  datum         text NOT NULL DEFAULT 'wgs84' CHECK (datum IN ('wgs84', 'gcj02', 'bd09')),
  registered_at timestamptz NOT NULL DEFAULT now(),
  revoked_at    timestamptz
);

-- One verifier per broker back-end, computed when the secret was shown; the secret itself is nowhere.
CREATE TABLE device_secret (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device     integer NOT NULL REFERENCES device (number),
  verifiers  jsonb NOT NULL,
  issued_at  timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);
CREATE UNIQUE INDEX device_secret_in_force ON device_secret (device) WHERE revoked_at IS NULL;

-- The register's running number, and up to which one the broker acts on it. The triggers see every change, whoever
-- makes it; they take the row's lock, so that numbers are visible in the order of the commits.
CREATE TABLE broker_state (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision   bigint NOT NULL DEFAULT 0,
  applied    bigint NOT NULL DEFAULT 0,
  applied_at timestamptz,
  beat_at    timestamptz
) WITH (fillfactor = 50);
INSERT INTO broker_state DEFAULT VALUES;

CREATE FUNCTION note_register_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE broker_state SET revision = revision + 1;
  NOTIFY gengfu_devices;
  RETURN NULL;
END $$;
CREATE TRIGGER device_changed AFTER INSERT OR UPDATE OR DELETE ON device
  FOR EACH STATEMENT EXECUTE FUNCTION note_register_change();
CREATE TRIGGER device_secret_changed AFTER INSERT OR UPDATE OR DELETE ON device_secret
  FOR EACH STATEMENT EXECUTE FUNCTION note_register_change();

-- holder_kind says in which table holder is a code.
CREATE TABLE custody (
  id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device      integer NOT NULL REFERENCES device (number),
  holder_kind text NOT NULL CHECK (holder_kind IN ('post', 'unit', 'equipment')),
  holder      text NOT NULL,
  valid_from  timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to    timestamptz CHECK (valid_to > valid_from)
);
CREATE INDEX custody_device ON custody (device, valid_from);
CREATE INDEX custody_holder ON custody (holder_kind, holder);

CREATE TABLE checkpoint (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  kind       text NOT NULL DEFAULT 'street',
  grid       text,
  lat        double precision NOT NULL,
  lon        double precision NOT NULL,
  radius_m   double precision NOT NULL CHECK (radius_m > 0),
  tag        text,
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX checkpoint_in_force ON checkpoint (code) WHERE valid_to IS NULL;

CREATE TABLE route (
  id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code        text NOT NULL,
  name        text NOT NULL,
  checkpoints text[] NOT NULL,
  geometry    jsonb NOT NULL,
  valid_from  timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to    timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX route_in_force ON route (code) WHERE valid_to IS NULL;

CREATE TABLE road (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  kind       text,
  geometry   jsonb NOT NULL,
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX road_in_force ON road (code) WHERE valid_to IS NULL;

-- The plan: this unit walks this route so many times in this shift, on these days (local time of the site).
CREATE TABLE shift (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code       text NOT NULL,
  name       text NOT NULL,
  days       text[] NOT NULL,
  starts     time NOT NULL,
  ends       time NOT NULL,
  unit       text NOT NULL,
  route      text NOT NULL,
  rounds     smallint NOT NULL CHECK (rounds > 0),
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX shift_in_force ON shift (code, unit, route) WHERE valid_to IS NULL;

-- Hydrants, extinguishers, fire rooms and their like. Months are stored as their first day.
CREATE TABLE equipment (
  id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  code         text NOT NULL,
  kind         text NOT NULL,
  name         text NOT NULL,
  grid         text,
  lat          double precision,
  lon          double precision,
  manufactured date,
  last_service date,
  place        text,
  device       text,
  valid_from   timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to     timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX equipment_in_force ON equipment (code) WHERE valid_to IS NULL;

CREATE TABLE rule_setting (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule       text NOT NULL,
  key        text NOT NULL,
  value      jsonb NOT NULL,
  valid_from timestamptz NOT NULL DEFAULT '2000-01-01Z',
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE UNIQUE INDEX rule_setting_in_force ON rule_setting (rule, key) WHERE valid_to IS NULL;

-- Readings ----------------------------------------------------------------------------------------------------

-- lat, lon: degrees x 1e7; accuracy: 0.1 m; speed: 0.01 m/s; heading: 0.1 degree; altitude: m; battery: percent.
CREATE TABLE position (
  device      integer NOT NULL,
  time        timestamptz NOT NULL,
  digest      integer NOT NULL,
  lat         integer NOT NULL,
  lon         integer NOT NULL,
  accuracy    smallint,
  speed       smallint,
  heading     smallint,
  altitude    smallint,
  battery     smallint,
  flags       smallint NOT NULL DEFAULT 0,
  grid        integer,
  boot        integer,
  seq         integer,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (device, time, digest)
) PARTITION BY RANGE (time);
CREATE INDEX position_time ON position USING brin (time);

CREATE VIEW position_readable AS
  SELECT d.name AS device, p.time, p.lat / 1e7 AS lat_deg, p.lon / 1e7 AS lon_deg, p.accuracy / 10.0 AS accuracy_m,
         p.speed / 100.0 AS speed_mps, p.heading / 10.0 AS heading_deg, p.altitude AS altitude_m,
         p.battery AS battery_pct, p.flags, g.code AS grid, p.boot, p.seq, p.received_at
    FROM position p JOIN device d ON d.number = p.device LEFT JOIN grid g ON g.id = p.grid;

-- Every reading that is not a position: status, scan, button, task, report, equipment.
CREATE TABLE reading (
  device      integer NOT NULL,
  time        timestamptz NOT NULL,
  digest      integer NOT NULL,
  type        text NOT NULL,
  lat         integer,
  lon         integer,
  flags       smallint NOT NULL DEFAULT 0,
  grid        integer,
  boot        integer,
  seq         integer,
  received_at timestamptz NOT NULL,
  body        jsonb NOT NULL,
  PRIMARY KEY (device, time, digest)
) PARTITION BY RANGE (time);
CREATE INDEX reading_type ON reading (type, time);

-- A cache of the newest of each device; it moves forward only and can be rebuilt from the readings.
CREATE TABLE last_known (
  device         integer PRIMARY KEY REFERENCES device (number),
  time           timestamptz,
  lat            integer,
  lon            integer,
  accuracy       smallint,
  speed          smallint,
  heading        smallint,
  altitude       smallint,
  flags          smallint,
  grid           integer,
  battery        smallint,
  battery_time   timestamptz,
  equipment      jsonb,
  equipment_time timestamptz,
  heard_at       timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Append-only: ingest writes, the rules worker deletes those it claimed before it read.
CREATE TABLE dirty_mark (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL CHECK (kind IN ('checkpoint', 'incident', 'device')),
  subject     text NOT NULL,
  window_from timestamptz NOT NULL,
  window_to   timestamptz NOT NULL,
  made_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE position_hour (
  hour    timestamptz NOT NULL,
  device  integer NOT NULL,
  grid    integer NOT NULL,
  fixes   integer NOT NULL,
  first   timestamptz NOT NULL,
  last    timestamptz NOT NULL,
  PRIMARY KEY (hour, device, grid)
);
CREATE TABLE touched_hour (
  hour timestamptz PRIMARY KEY
);

CREATE TABLE quarantine (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest      bytea NOT NULL,
  topic       text NOT NULL,
  payload     bytea NOT NULL,
  codec       text NOT NULL,
  reason      text NOT NULL,
  detail      text NOT NULL,
  received_at timestamptz NOT NULL,
  last_at     timestamptz NOT NULL,
  times       integer NOT NULL DEFAULT 1,
  replayed_at timestamptz,
  UNIQUE (digest)
);

-- What each ingest worker did, written in the transaction that did it.
CREATE TABLE ingest_counter (
  worker text NOT NULL,
  lane   text NOT NULL,
  name   text NOT NULL,
  reason text NOT NULL DEFAULT '',
  value  bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (worker, lane, name, reason)
) WITH (fillfactor = 50);
CREATE TABLE ingest_progress (
  worker       text NOT NULL,
  lane         text NOT NULL,
  up_since     timestamptz NOT NULL,
  hears        boolean NOT NULL DEFAULT true,
  beat_at      timestamptz NOT NULL,
  committed_at timestamptz,
  PRIMARY KEY (worker, lane)
) WITH (fillfactor = 50);

-- Duties and what people act on -------------------------------------------------------------------------------

CREATE TABLE evidence (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  made_at timestamptz NOT NULL DEFAULT now(),
  body    jsonb NOT NULL
);

CREATE TABLE round (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key       text NOT NULL UNIQUE,
  shift     text NOT NULL,
  route     text NOT NULL,
  unit      text NOT NULL,
  grid      text,
  starts_at timestamptz NOT NULL,
  ends_at   timestamptz NOT NULL
);
CREATE INDEX round_time ON round (starts_at);

CREATE TABLE duty (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule       text NOT NULL,
  key        text NOT NULL UNIQUE,
  subject    text NOT NULL,
  unit       text,
  round      bigint REFERENCES round (id),
  grid       text,
  opens_at   timestamptz NOT NULL,
  due_at     timestamptz NOT NULL,
  settles_at timestamptz NOT NULL,
  final_at   timestamptz NOT NULL,
  state      text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'open', 'waiting', 'provisional', 'final')),
  verdict    text CHECK (verdict IN ('early', 'met', 'late', 'missed', 'in_doubt', 'waived')),
  reasons    jsonb NOT NULL DEFAULT '[]',
  met_at     timestamptz,
  judged_at  timestamptz,
  judge_at   timestamptz,
  evidence   bigint REFERENCES evidence (id),
  context    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX duty_due ON duty (judge_at) WHERE judge_at IS NOT NULL;
CREATE INDEX duty_subject ON duty (rule, subject, opens_at);
CREATE INDEX duty_round ON duty (round);
CREATE INDEX duty_opening ON duty (opens_at) WHERE state = 'planned';
CREATE INDEX duty_ending ON duty (due_at) WHERE state = 'open';

CREATE TABLE incident (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number        text NOT NULL UNIQUE,
  kind          text NOT NULL,
  grade         text,
  text          text NOT NULL DEFAULT '',
  lat           double precision,
  lon           double precision,
  radius_m      double precision NOT NULL DEFAULT 50,
  grid          text,
  source        text NOT NULL,
  source_key    text UNIQUE,
  unit          text,
  occurred_at   timestamptz NOT NULL,
  reported_at   timestamptz NOT NULL,
  dispatched_at timestamptz,
  accepted_at   timestamptz,
  arrived_at    timestamptz,
  closed_at     timestamptz
);
CREATE INDEX incident_open ON incident (id) WHERE closed_at IS NULL;
CREATE INDEX incident_closed ON incident (closed_at);

CREATE TABLE alert (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fingerprint text NOT NULL,
  rule        text NOT NULL,
  subject     text NOT NULL,
  class       text NOT NULL,
  severity    text NOT NULL CHECK (severity IN ('info', 'warning', 'high', 'critical')),
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'resolved')),
  title       text NOT NULL,
  reasons     jsonb NOT NULL DEFAULT '[]',
  grid        text,
  unit        text,
  device      text,
  duty        bigint REFERENCES duty (id),
  incident    bigint REFERENCES incident (id),
  evidence    bigint REFERENCES evidence (id),
  lat         double precision,
  lon         double precision,
  opened_at   timestamptz NOT NULL,
  changed_at  timestamptz NOT NULL,
  acked_at    timestamptz,
  acked_by    text,
  resolved_at timestamptz,
  resolved_by text,
  resolution  text,
  reopened    integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX alert_live ON alert (fingerprint) WHERE state <> 'resolved';
CREATE INDEX alert_fingerprint ON alert (fingerprint, opened_at);
CREATE INDEX alert_state ON alert (state, opened_at);
CREATE INDEX alert_changed ON alert (changed_at);

CREATE TABLE alert_history (
  id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert bigint NOT NULL REFERENCES alert (id),
  at    timestamptz NOT NULL,
  event text NOT NULL,
  actor text NOT NULL,
  note  text NOT NULL DEFAULT '',
  key   text UNIQUE -- of the one reading behind it, so that the same press of a button is never told twice
);
CREATE INDEX alert_history_alert ON alert_history (alert, id);

CREATE TABLE ticket (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  number      text NOT NULL UNIQUE,
  fingerprint text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('inspect', 'repair', 'replace', 'rectify', 'hand_over')),
  equipment   text,
  title       text NOT NULL,
  text        text NOT NULL DEFAULT '',
  grid        text,
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
  due_at      timestamptz,
  duty        bigint REFERENCES duty (id),
  opened_at   timestamptz NOT NULL,
  closed_at   timestamptz,
  resolution  text
);
CREATE UNIQUE INDEX ticket_live ON ticket (fingerprint) WHERE state = 'open';
CREATE INDEX ticket_closed ON ticket (closed_at);

-- Work that follows from a commit: sent at least once, each key once.
CREATE TABLE outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel    text NOT NULL,
  key        text NOT NULL UNIQUE,
  target     text NOT NULL,
  payload    jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  next_at    timestamptz NOT NULL DEFAULT now(),
  attempts   integer NOT NULL DEFAULT 0,
  sent_at    timestamptz,
  last_error text
);
CREATE INDEX outbox_due ON outbox (channel, next_at) WHERE sent_at IS NULL;

-- A running number per name and day: I-20261121-0007, T-20261121-0003.
CREATE TABLE day_number (
  name text NOT NULL,
  day  date NOT NULL,
  last integer NOT NULL,
  PRIMARY KEY (name, day)
);

-- Who holds the rules: one active worker, its heartbeat and its fencing number.
CREATE TABLE rules_leader (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  holder  text NOT NULL,
  fence   bigint NOT NULL,
  pid     integer NOT NULL,
  beat_at timestamptz NOT NULL,
  planned_until timestamptz
);

-- People ------------------------------------------------------------------------------------------------------

CREATE TABLE account (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  password   text NOT NULL,
  role       text NOT NULL CHECK (role IN ('officer', 'crew', 'patrol', 'leader', 'admin', 'auditor')),
  scope      text,
  unit       text,
  created_at timestamptz NOT NULL DEFAULT now(),
  closed_at  timestamptz
);

CREATE TABLE session (
  token_hash bytea PRIMARY KEY,
  account    integer NOT NULL REFERENCES account (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  seen_at    timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  address    text
);
CREATE INDEX session_account ON session (account);

CREATE TABLE sign_in_failure (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name    text NOT NULL,
  address text NOT NULL,
  at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_failure_at ON sign_in_failure (at);

CREATE TABLE audit (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      timestamptz NOT NULL DEFAULT now(),
  actor   text NOT NULL,
  action  text NOT NULL,
  subject text NOT NULL,
  detail  jsonb NOT NULL DEFAULT '{}'
);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the audit table is append-only'; END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
  FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

-- The codes of a grid and of all that lie below it today; NULL asks for every grid.
CREATE FUNCTION grids_within(scope text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  WITH RECURSIVE below AS (
    SELECT code FROM grid WHERE valid_to IS NULL AND (code = scope OR scope IS NULL)
    UNION
    SELECT g.code FROM grid g JOIN below b ON g.parent = b.code WHERE g.valid_to IS NULL
  ) SELECT code FROM below
$$;

-- The units that have to do with a territory today: a post in it, or a round planned through it; NULL asks for all.
CREATE FUNCTION units_within(scope text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT u.code FROM unit u
   WHERE u.valid_to IS NULL
     AND (scope IS NULL
          OR u.code IN (SELECT p.unit FROM post p WHERE p.valid_to IS NULL AND p.grid IN (SELECT grids_within(scope)))
          OR u.code IN (SELECT s.unit
                          FROM shift s
                          JOIN route r ON r.code = s.route AND r.valid_to IS NULL
                          JOIN checkpoint c ON c.code = ANY (r.checkpoints) AND c.valid_to IS NULL
                         WHERE s.valid_to IS NULL AND c.grid IN (SELECT grids_within(scope))))
$$;

-- The devices that have to do with a territory now: held by one of its units, posts or things, or last seen in it.
CREATE FUNCTION devices_within(scope text) RETURNS SETOF integer LANGUAGE sql STABLE AS $$
  SELECT d.number FROM device d
   WHERE scope IS NULL
      OR d.number IN (SELECT l.device FROM last_known l JOIN grid g ON g.id = l.grid
                       WHERE g.code IN (SELECT grids_within(scope)))
      OR d.number IN (SELECT c.device
                        FROM custody c
                        LEFT JOIN post p ON c.holder_kind = 'post' AND p.code = c.holder AND p.valid_to IS NULL
                        LEFT JOIN equipment e ON c.holder_kind = 'equipment' AND e.code = c.holder AND e.valid_to IS NULL
                       WHERE c.valid_from <= now() AND (c.valid_to IS NULL OR c.valid_to > now())
                         AND (p.grid IN (SELECT grids_within(scope)) OR e.grid IN (SELECT grids_within(scope))
                              OR CASE c.holder_kind WHEN 'unit' THEN c.holder ELSE p.unit END
                                 IN (SELECT units_within(scope))))
$$;
