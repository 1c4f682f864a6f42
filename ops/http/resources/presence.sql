-- name: roads
-- The roads as they are now.
SELECT geometry FROM road WHERE valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s) ORDER BY code;
