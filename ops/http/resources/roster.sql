-- name: within
-- Codes of the grids of the territory.
SELECT grids_within(%(scope)s) AS code;

-- name: posts
-- Names of posts by code.
SELECT DISTINCT ON (code) code, name FROM post ORDER BY code, valid_from DESC;
