-- name: stamp
-- Changes whenever a row of the dated world or of the settings is made, changed or removed.
SELECT (SELECT revision FROM world_revision)::text AS stamp;

-- name: grids
-- All versions, without their geometry.
SELECT code, name, level, parent, grade, hierarchy, valid_from, valid_to FROM grid;

-- name: shapes
-- The geometry of the patrol's grids, as text: few of them are ever looked at.
SELECT code, geometry::text AS geometry, valid_from, valid_to FROM grid WHERE hierarchy = 'patrol';

-- name: units
-- All versions.
SELECT code, name, kind, valid_from, valid_to FROM unit;

-- name: posts
-- All versions.
SELECT code, name, unit, grid, role, deputy, valid_from, valid_to FROM post;

-- name: devices
-- The register.
SELECT number, name, kind, revoked_at FROM device ORDER BY number;

-- name: custody
-- All spells.
SELECT device, holder_kind, holder AS code, valid_from, valid_to FROM custody;

-- name: checkpoints
-- All versions.
SELECT code, name, grid, lat, lon, radius_m, kind, geometry, tags, dwell_s, valid_from, valid_to FROM checkpoint;

-- name: routes
-- All versions, without their geometry.
SELECT code, name, checkpoints, ordered, legs, valid_from, valid_to FROM route;

-- name: shifts
-- All versions.
SELECT code, name, days, starts, ends, unit, route, rounds, mode, first_day, last_day, round_min, holidays, valid_from,
       valid_to FROM shift;

-- name: holidays
-- All versions of all days.
SELECT day::text AS code, name, kind, valid_from, valid_to FROM holiday;

-- name: items
-- All versions of all equipment.
SELECT code, kind, name, grid, lat, lon, place, manufactured, last_service, valid_from, valid_to FROM equipment;

-- name: grid_posts
-- All versions.
SELECT grid AS code, slot, post, valid_from, valid_to FROM grid_post ORDER BY grid, slot, valid_from;

-- name: grade_policies
-- All versions.
SELECT grade::text AS code, rounds, staff, severity, valid_from, valid_to FROM grade_policy;

-- name: leaves
-- All of them.
SELECT post AS code, kind, cover, valid_from, valid_to FROM leave ORDER BY post, valid_from, id;

-- name: lines
-- All versions.
SELECT code, name, grid, geometry, corridor_m, share, valid_from, valid_to FROM line;

-- name: line_plans
-- All versions.
SELECT code, line, unit, shift, times, valid_from, valid_to FROM line_plan;

-- name: visit_plans
-- All versions.
SELECT code, name, role, every, level, times, dwell_s, valid_from, valid_to FROM visit_plan;

-- name: static_posts
-- All versions.
SELECT code, name, grid, unit, lat, lon, radius_m, geometry, days, starts, ends, share, valid_from, valid_to
  FROM static_post;

-- name: settings
-- Every dated setting.
SELECT rule, key, value, valid_from, valid_to FROM rule_setting ORDER BY id;
