-- name: devices
-- The register as ingest needs it. Revoked devices stay: what they sent before is still on its way.
SELECT number, name, kind, datum FROM device;

-- name: revision
-- Counted up by every change of the register.
SELECT revision FROM broker_state;

-- name: grids
-- All versions of all patrol grids; a fix is matched with those of its own time. Other hierarchies lie on them.
SELECT id, level, geometry::text AS geometry, valid_from, valid_to FROM grid WHERE hierarchy = 'patrol' ORDER BY id;

-- name: checkpoints
-- Circles of all versions of all checkpoints: late fixes belong to an older world. The judgement looks at the dates.
SELECT code AS subject, lat, lon, radius_m, valid_from AS since FROM checkpoint ORDER BY id;

-- name: tags
-- Which checkpoints each tag ever hung at: the judgement looks at the dates.
SELECT DISTINCT tag, code FROM checkpoint, unnest(tags) AS tag ORDER BY 1, 2;

-- name: incidents
-- Circles of open incidents that somebody has been sent to.
SELECT id::text AS subject, lat, lon, radius_m, dispatched_at - interval '5 minutes' AS since
  FROM incident WHERE closed_at IS NULL AND arrived_at IS NULL AND dispatched_at IS NOT NULL AND lat IS NOT NULL
 ORDER BY id;
