-- name: add_device
-- A new device; nothing comes back when the name is taken.
INSERT INTO device (name, kind, label, datum)
VALUES (%(name)s, %(kind)s, %(label)s, %(datum)s)
ON CONFLICT (name) DO NOTHING
RETURNING number;

-- name: device_named
-- One device with its lock held, so that two commands cannot both issue a secret.
SELECT number, name, kind, label, datum, registered_at, revoked_at
  FROM device WHERE name = %(name)s FOR UPDATE;

-- name: end_secrets
-- The secret in force of a device ends now.
UPDATE device_secret SET revoked_at = now() WHERE device = %(device)s AND revoked_at IS NULL;

-- name: add_secret
-- The verifiers of a new secret.
INSERT INTO device_secret (device, verifiers) VALUES (%(device)s, %(verifiers)s);

-- name: revoke_device
-- The device may no longer connect; its name and its readings stay.
UPDATE device SET revoked_at = now() WHERE number = %(device)s;

-- name: list_devices
-- All devices with what was last heard and since when their secret is in force.
SELECT d.name, d.kind, d.label, d.datum, d.registered_at, d.revoked_at, s.issued_at AS secret_at, k.heard_at
  FROM device d
  LEFT JOIN device_secret s ON s.device = d.number AND s.revoked_at IS NULL
  LEFT JOIN last_known k ON k.device = d.number
 ORDER BY d.name;

-- name: accounts
-- The register's running number and every device that may connect; one row with a NULL name when there is none.
SELECT b.revision, b.applied, d.name, s.verifiers
  FROM broker_state b
  LEFT JOIN (device d JOIN device_secret s ON s.device = d.number AND s.revoked_at IS NULL)
    ON d.revoked_at IS NULL;

-- name: revision
-- The running numbers alone, for the poll; live says whether a gateway kept them lately.
SELECT revision, applied, coalesce(beat_at > now() - interval '15 seconds', false) AS live FROM broker_state;

-- name: note_applied
-- The broker acts on this revision.
UPDATE broker_state SET applied = %(revision)s, applied_at = now(), beat_at = now();

-- name: beat
-- The gateway is there.
UPDATE broker_state SET beat_at = now();

-- name: verifiers
-- The verifiers in force of one device that may connect.
SELECT s.verifiers
  FROM device d JOIN device_secret s ON s.device = d.number AND s.revoked_at IS NULL
 WHERE d.name = %(name)s AND d.revoked_at IS NULL;
