-- name: duty
-- What acts on a duty must know of it; locked.
SELECT id, key, rule, unit, state, verdict, opens_at, final_at, waiver, waived_at
  FROM duty WHERE id = %(id)s FOR NO KEY UPDATE;

-- name: by_id
-- One objection, locked.
SELECT * FROM objection WHERE id = %(id)s FOR NO KEY UPDATE;

-- name: insert
-- A new objection; nothing comes back when one is open against the duty.
INSERT INTO objection (duty, account, unit, text, verdict, made_at)
VALUES (%(duty)s, %(account)s, %(unit)s, %(text)s, %(verdict)s, %(at)s)
ON CONFLICT (duty) WHERE state = 'open' DO NOTHING RETURNING *;

-- name: close
-- The answer, or its withdrawal.
UPDATE objection SET state = %(state)s, remedy = %(remedy)s, answer = %(answer)s, answered_at = %(at)s,
                     answered_by = %(actor)s
 WHERE id = %(id)s RETURNING *;

-- name: seen
-- The objector has read the answer.
UPDATE objection SET seen_at = %(at)s
 WHERE id = %(id)s AND account = %(account)s AND state IN ('upheld', 'rejected') AND seen_at IS NULL;

-- name: open
-- What waits for an answer.
SELECT o.id, o.duty, o.unit, d.grid, d.rule, d.subject, o.made_at
  FROM objection o JOIN duty d ON d.id = o.duty WHERE o.state = 'open' ORDER BY o.id;

-- name: settings
-- Every dated setting of a rule.
SELECT rule, key, value, valid_from, valid_to FROM rule_setting WHERE rule = %(rule)s ORDER BY id;
