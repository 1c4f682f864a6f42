-- name: lock
-- Two imports go one after the other.
LOCK TABLE grid IN SHARE ROW EXCLUSIVE MODE;

-- name: known
-- Whether any town was ever imported.
SELECT EXISTS (SELECT FROM grid) AS it;

-- name: devices
-- The register as the files state it.
SELECT name, kind, label, datum FROM device;

-- name: add_device
-- A new one, without a secret.
INSERT INTO device (name, kind, label, datum) VALUES (%(name)s, %(kind)s, %(label)s, %(datum)s);

-- name: change_device
-- Its label or datum was put right.
UPDATE device SET label = %(label)s, datum = %(datum)s WHERE name = %(name)s;

-- name: without_secret
-- Devices of the files that could not connect yet.
SELECT name FROM device d
 WHERE name = ANY(%(names)s) AND revoked_at IS NULL
   AND NOT EXISTS (SELECT FROM device_secret s WHERE s.device = d.number AND s.revoked_at IS NULL)
 ORDER BY number;

-- name: custody
-- What is held now or will be, as the files had it; what was handed over or put right by hand stays.
SELECT c.id, d.name AS device, c.holder_kind, c.holder, c.valid_from, c.valid_to
  FROM custody c JOIN device d ON d.number = c.device
 WHERE c.changed_by IS NULL AND (c.valid_to IS NULL OR c.valid_to > %(at)s);

-- name: add_custody
-- Unless it is there already, perhaps as one that has ended, or a hand-over says otherwise for that time.
INSERT INTO custody (device, holder_kind, holder, valid_from, valid_to)
SELECT d.number, %(kind)s, %(holder)s, %(from)s, %(to)s FROM device d
 WHERE d.name = %(device)s
   AND NOT EXISTS (SELECT FROM custody c
                    WHERE c.device = d.number AND (c.holder = %(holder)s AND c.valid_from = %(from)s
                           OR c.changed_by IS NOT NULL AND (c.valid_to IS NULL OR c.valid_to > %(from)s)
                              AND (%(to)s::timestamptz IS NULL OR c.valid_from < %(to)s)));

-- name: end_custody
-- At a time, or never when that is NULL; one that has not begun ends as it begins.
UPDATE custody SET valid_to = CASE WHEN %(to)s::timestamptz IS NULL THEN NULL
  ELSE greatest(%(to)s, valid_from + interval '1 microsecond') END WHERE id = %(id)s;
