-- name: lock_grid
-- Two edits of the same grid go one after the other.
SELECT pg_advisory_xact_lock(hashtext('grid ' || %(code)s));

-- name: versions
-- Every version of a grid, without its geometry.
SELECT id, code, name, grade, valid_from, valid_to FROM grid WHERE code = %(code)s ORDER BY valid_from;

-- name: change_version
-- The whole of a version; its beginning stays.
UPDATE grid SET name = %(name)s, grade = %(grade)s, valid_to = %(until)s WHERE id = %(id)s;

-- name: end_version
UPDATE grid SET valid_to = %(until)s WHERE id = %(id)s;

-- name: copy_version
-- A version like another one, with what changes, for its own time.
INSERT INTO grid (code, name, level, parent, grade, geometry, hierarchy, valid_from, valid_to)
SELECT code, %(name)s, level, parent, %(grade)s, geometry, hierarchy, %(since)s, %(until)s FROM grid WHERE id = %(id)s;

-- name: posts
-- Every version of a slot of a grid.
SELECT id, post, valid_from, valid_to FROM grid_post WHERE grid = %(grid)s AND slot = %(slot)s ORDER BY valid_from;

-- name: post_exists
-- Whether a post of this code was ever in force within a span.
SELECT 1 AS it FROM post
 WHERE code = %(post)s AND valid_from < coalesce(%(until)s::timestamptz, 'infinity')
   AND (valid_to IS NULL OR valid_to > %(since)s)
 LIMIT 1;

-- name: some_posts
SELECT code FROM post WHERE valid_to IS NULL ORDER BY code LIMIT 8;

-- name: drop_post
DELETE FROM grid_post WHERE id = %(id)s;

-- name: end_post
UPDATE grid_post SET valid_to = %(until)s WHERE id = %(id)s;

-- name: begin_post
UPDATE grid_post SET valid_from = %(since)s WHERE id = %(id)s;

-- name: add_post
INSERT INTO grid_post (grid, slot, post, valid_from, valid_to)
VALUES (%(grid)s, %(slot)s, %(post)s, %(since)s, %(until)s);

-- name: judge_again
-- The duties of a grid and below that are not final and fall into the span of a correction.
UPDATE duty SET judge_at = %(now)s
 WHERE grid IN (SELECT grids_within(%(code)s)) AND state NOT IN ('planned', 'open', 'final', 'superseded') AND verdict IS NOT NULL
   AND opens_at >= %(since)s AND opens_at < coalesce(%(until)s::timestamptz, 'infinity');

-- name: record
INSERT INTO audit (actor, action, subject, detail) VALUES (%(actor)s, 'grid.change', %(subject)s, %(detail)s);
