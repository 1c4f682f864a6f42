-- Duty-bound privacy: when a carried device may be tracked, what is sealed meanwhile, and who looked at whose track.

-- When a device that a person carries may be tracked, and why. The rules write it ahead, ingest reads it; ids rise, so
-- that ingest finds what is new since it last looked.
CREATE TABLE tracking_span (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device     integer NOT NULL REFERENCES device (number),
  valid_from timestamptz NOT NULL,
  valid_to   timestamptz NOT NULL CHECK (valid_to > valid_from),
  why        text NOT NULL
);
CREATE INDEX tracking_span_device ON tracking_span (device, valid_to);
CREATE INDEX tracking_span_end ON tracking_span (valid_to);

-- How far the spans are planned. Whoever seals readings holds this row, so that no span comes in between unseen.
CREATE TABLE tracking_state (
  one            boolean PRIMARY KEY DEFAULT true CHECK (one),
  enforced       boolean NOT NULL DEFAULT false,
  revision       bigint NOT NULL DEFAULT 0,
  planned_until  timestamptz,
  planned_at     timestamptz,
  released_up_to bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO tracking_state DEFAULT VALUES;

-- When a device was in somebody's hands: a handset or radio that a post holds, or a unit on foot.
CREATE VIEW carried AS
  SELECT c.device, c.valid_from, c.valid_to
    FROM custody c JOIN device d ON d.number = c.device AND d.kind IN ('handset', 'radio')
   WHERE c.holder_kind = 'post'
  UNION ALL
  SELECT c.device, greatest(c.valid_from, u.valid_from), least(c.valid_to, u.valid_to)
    FROM custody c
    JOIN device d ON d.number = c.device AND d.kind IN ('handset', 'radio')
    JOIN unit u ON u.code = c.holder AND u.kind = 'foot'
   WHERE c.holder_kind = 'unit'
     AND greatest(c.valid_from, u.valid_from) < coalesce(least(c.valid_to, u.valid_to), 'infinity');

-- Whether a device is in somebody's hands who is not on duty: then nobody is shown where it is.
CREATE FUNCTION off_duty(its_device integer, at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT enforced FROM tracking_state), false)
     AND EXISTS (SELECT FROM carried c WHERE c.device = its_device AND c.valid_from <= at
                    AND (c.valid_to IS NULL OR c.valid_to > at))
     AND NOT EXISTS (SELECT FROM tracking_span s WHERE s.device = its_device AND s.valid_from <= at AND s.valid_to > at)
$$;

-- Readings of carried devices from outside duty, encrypted with a key that the database does not have. A partition for
-- each hour in which they were sealed, so that dropping them is a DROP.
CREATE TABLE withheld_fix (
  hour        timestamptz NOT NULL,
  device      integer NOT NULL,
  time        timestamptz NOT NULL,
  nonce       bytea NOT NULL,
  received_at timestamptz NOT NULL,
  content     bytea NOT NULL,
  PRIMARY KEY (device, time, nonce, hour)
) PARTITION BY RANGE (hour);

-- The payload of an entry with a nonce is encrypted likewise, and the entry goes when it is as old.
ALTER TABLE quarantine ADD COLUMN nonce bytea;
CREATE INDEX quarantine_sealed ON quarantine (last_at) WHERE nonce IS NOT NULL;

CREATE INDEX audit_look ON audit (subject, id) WHERE action = 'track.look';
