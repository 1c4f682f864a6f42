-- name: state
-- Whether anything is to be withheld: without shifts nobody can be off duty. The world with its custody is looked at as
-- well, because the rules, who count the revision up, may be away.
SELECT revision, EXISTS (SELECT FROM shift) AS enforced, (SELECT w.revision FROM world_revision w)::text AS hands
  FROM tracking_state;

-- name: carried
-- When somebody carried which device.
COPY (SELECT device, valid_from, coalesce(valid_to, 'infinity') FROM carried) TO STDOUT (FORMAT binary);

-- name: allowed
-- When it may be tracked.
COPY (SELECT device, valid_from, valid_to FROM tracking_span) TO STDOUT (FORMAT binary);

