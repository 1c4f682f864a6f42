-- name: told_devices
-- The devices that were told of an alert; a notice that ran out before it went is none.
SELECT DISTINCT t.who
  FROM told t LEFT JOIN outbox o ON o.id = t.outbox
 WHERE t.alert = %(alert)s AND t.kind = 'device' AND (o.id IS NULL OR o.sent_at IS NOT NULL OR o.next_at <> 'infinity')
 ORDER BY t.who;

-- name: carriers
-- The devices that can show a message, that the unit or a post of it held within the span, and still holds.
SELECT DISTINCT d.name
  FROM custody c
  JOIN device d ON d.number = c.device AND d.kind IN ('handset', 'radio', 'vehicle') AND d.revoked_at IS NULL
  LEFT JOIN post p ON c.holder_kind = 'post' AND p.code = c.holder
                  AND p.valid_from <= %(at)s AND (p.valid_to IS NULL OR p.valid_to > %(at)s)
 WHERE c.valid_from < %(until)s AND c.valid_from <= %(at)s AND (c.valid_to IS NULL OR c.valid_to > %(at)s)
   AND (c.valid_to IS NULL OR c.valid_to > %(since)s)
   AND ((c.holder_kind = 'unit' AND c.holder = %(unit)s) OR p.unit = %(unit)s)
 ORDER BY d.name;

-- name: about_duty
-- A duty in words, with the name that its place had then.
SELECT d.rule, d.unit, false AS whole, d.opens_at, d.due_at, d.verdict,
       coalesce(d.context->>'incident', c.name, d.context->>'checkpoint', d.context->>'name', d.subject) AS what
  FROM duty d
  LEFT JOIN LATERAL (SELECT name FROM checkpoint
                      WHERE d.rule = 'missed_checkpoint' AND code = d.subject AND valid_from <= d.opens_at
                        AND (valid_to IS NULL OR valid_to > d.opens_at)
                      ORDER BY valid_from DESC LIMIT 1) c ON true
 WHERE d.id = %(duty)s;

-- name: about_round
-- A whole round in words.
SELECT 'missed_checkpoint' AS rule, r.unit, true AS whole, r.starts_at AS opens_at, r.ends_at AS due_at,
       coalesce(o.name, r.route) AS what
  FROM round r
  LEFT JOIN LATERAL (SELECT name FROM route WHERE code = r.route AND valid_from <= r.starts_at
                      AND (valid_to IS NULL OR valid_to > r.starts_at) ORDER BY valid_from DESC LIMIT 1) o ON true
 WHERE r.key = %(key)s;

-- name: send
-- A message for one device, sent once.
INSERT INTO outbox (channel, key, target, payload, created_at, next_at)
VALUES ('notice', %(key)s, %(target)s, %(payload)s, %(at)s, %(at)s) ON CONFLICT (key) DO NOTHING RETURNING id;

-- name: tell_device
-- Who is told, as what.
INSERT INTO told (alert, history, kind, who, channel, class, at, outbox)
VALUES (%(alert)s, %(history)s, 'device', %(who)s, 'notice', %(class)s, %(at)s, %(outbox)s) ON CONFLICT DO NOTHING;

-- name: tell_account
-- An account has seen an alert with all of its history.
INSERT INTO told (alert, history, kind, who, channel, class, at)
SELECT a.id, (SELECT max(id) FROM alert_history WHERE alert = a.id), 'account', %(who)s, 'console', a.class, %(at)s
  FROM alert a WHERE a.id = %(alert)s AND EXISTS (SELECT 1 FROM alert_history WHERE alert = a.id)
ON CONFLICT DO NOTHING;
