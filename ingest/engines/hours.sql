-- name: claim
-- Hours that got rows since they were last rolled up, oldest first, with the marks that say so.
SELECT hour, array_agg(id) AS marks FROM touched_hour
 WHERE hour < %(before)s GROUP BY hour ORDER BY hour LIMIT %(limit)s;

-- name: done
-- Only the marks that were read before computing: a later one asks for another turn.
DELETE FROM touched_hour WHERE id = ANY(%(marks)s);
