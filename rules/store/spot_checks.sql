-- name: answers
-- What people found, by duty.
SELECT duty, outcome, note, answered_at, answered_by FROM spot_check WHERE duty = ANY(%(duties)s);

-- name: state
-- A check, locked against a second answer at the same moment.
SELECT state, opens_at FROM duty WHERE id = %(duty)s AND rule = 'spot_check' FOR UPDATE;

-- name: answer
-- The first answer stands.
INSERT INTO spot_check (duty, outcome, note, answered_at, answered_by)
VALUES (%(duty)s, %(outcome)s, %(note)s, %(at)s, %(actor)s) ON CONFLICT (duty) DO NOTHING RETURNING duty;

-- name: wake
-- Judge the check at once.
UPDATE duty SET judge_at = %(at)s WHERE id = %(duty)s;
