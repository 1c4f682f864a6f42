-- name: counted
-- The duties of a span that the viewer sees, each with what it counts as, its squad and its posts. A squad is the one
-- that the unit was in then, posts are those of the unit then; a duty of posts by themselves is of those.
SELECT d.*, u.squad,
       CASE WHEN d.context ? 'posts' THEN ARRAY(SELECT jsonb_array_elements_text(d.context->'posts') ORDER BY 1)
            ELSE ARRAY(SELECT DISTINCT p.code FROM post p
                        WHERE p.unit = d.unit AND p.valid_from <= d.opens_at
                          AND (p.valid_to IS NULL OR p.valid_to > d.opens_at) ORDER BY 1) END AS posts,
       CASE WHEN d.state = 'superseded' THEN 'superseded'
            WHEN d.verdict IS NULL THEN 'pending'
            WHEN d.verdict <> 'in_doubt' THEN d.verdict
            WHEN d.reasons @? %(any_fault)s::jsonpath AND NOT d.reasons @? %(any_other)s::jsonpath THEN 'device_fault'
            ELSE 'in_doubt' END AS counts_as
  FROM duty d
  LEFT JOIN unit u ON u.code = d.unit AND u.valid_from <= d.opens_at AND (u.valid_to IS NULL OR u.valid_to > d.opens_at)
 WHERE d.rule = ANY(%(rules)s) AND d.opens_at >= %(since)s AND d.opens_at < %(until)s
   AND (%(scope)s::text IS NULL OR d.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR d.unit = %(own_unit)s)

-- name: tally
-- How many of what is counted came to what, by grid, squad, unit and posts.
SELECT grid, squad, unit, posts, counts_as, count(*) AS n FROM counted GROUP BY 1, 2, 3, 4, 5;

-- name: duties
-- What is counted behind one figure, in the order in which it opened.
SELECT id, rule, subject, context, grid, squad, unit, round, opens_at, due_at, met_at, state, verdict, reasons, posts,
       counts_as
  FROM counted
 WHERE (%(by)s <> 'grid' OR grid = ANY(%(grids)s::text[])
        OR %(key)s::text IS NULL AND (grid IS NULL OR grid <> ALL(%(known)s::text[])))
   AND (%(by)s <> 'squad' OR squad IS NOT DISTINCT FROM %(key)s)
   AND (%(by)s <> 'unit' OR unit IS NOT DISTINCT FROM %(key)s)
   AND (%(by)s <> 'post' OR %(key)s = ANY(posts) OR %(key)s::text IS NULL AND posts = '{}')
   AND (%(counts_as)s::text[] IS NULL OR counts_as = ANY(%(counts_as)s))
   AND (%(past_time)s::timestamptz IS NULL OR (opens_at, id) > (%(past_time)s, %(past_id)s::bigint))
 ORDER BY opens_at, id
 LIMIT %(limit)s;

-- name: names
-- What people call the grids, units and posts that were ever there: the newest name of each.
SELECT DISTINCT ON (kind, code) kind, code, name, level, parent, hierarchy FROM (
  SELECT 'grid' AS kind, code, name, level, parent, hierarchy, valid_from FROM grid
  UNION ALL
  SELECT 'unit', code, name, NULL, NULL, NULL, valid_from FROM unit
  UNION ALL
  SELECT 'post', code, name, NULL, NULL, NULL, valid_from FROM post) AS x
 ORDER BY kind, code, valid_from DESC;

-- name: ground
-- Which patrol grids count for the grids of other hierarchies.
SELECT grid, ground FROM grid_ground;

-- name: within
-- The codes of the viewer's grids.
SELECT code FROM grids_within(%(scope)s) AS code;

-- name: rolled_up
-- Up to when hours are in the rollup; no row before the first time.
SELECT at FROM storage_edge WHERE name = 'rolled_up';

-- name: sight
-- From the hourly rollup: in how many hours a unit on duty was in sight of each grid, and how often. One fix alone may
-- have jumped there.
WITH spell AS (
  SELECT * FROM unnest(%(devices)s::integer[], %(units)s::text[], %(froms)s::timestamptz[], %(tos)s::timestamptz[])
    AS s(device, unit, since, until)
)
SELECT g.code AS grid, count(DISTINCT h.hour) AS hours_seen, count(DISTINCT (h.hour, s.unit)) AS passes
  FROM position_hour h
  JOIN spell s ON s.device = h.device AND h.first < s.until AND h.last >= s.since
  JOIN grid g ON g.id = h.grid
 WHERE h.hour >= %(since)s AND h.hour < %(until)s AND h.fixes >= 2
 GROUP BY g.code;

-- name: staffed
-- From the stored fixes: in how many minutes a unit on duty had a fix in each grid. A fix stands for the minute after it
-- too, for devices that report once a minute; flags 1 and 4 are made-up places.
WITH spell AS (
  SELECT * FROM unnest(%(devices)s::integer[], %(units)s::text[], %(froms)s::timestamptz[], %(tos)s::timestamptz[])
    AS s(device, unit, since, until)
), fresh AS (
  SELECT DISTINCT p.grid, date_trunc('minute', p.time) AS minute
    FROM position p JOIN spell s ON s.device = p.device AND p.time >= s.since AND p.time < s.until
   WHERE p.time >= %(since)s AND p.time < %(until)s AND p.grid IS NOT NULL AND p.flags & 5 = 0
)
SELECT g.code AS grid, count(DISTINCT m.minute) AS minutes_staffed
  FROM fresh f
  JOIN grid g ON g.id = f.grid
 CROSS JOIN LATERAL (VALUES (f.minute), (f.minute + interval '1 minute')) AS m(minute)
 WHERE m.minute < %(until)s
 GROUP BY g.code;

-- name: hours
-- The hours of one grid with the units that were in sight, from the rollup.
WITH spell AS (
  SELECT * FROM unnest(%(devices)s::integer[], %(units)s::text[], %(froms)s::timestamptz[], %(tos)s::timestamptz[])
    AS s(device, unit, since, until)
)
SELECT h.hour, s.unit, sum(h.fixes)::integer AS fixes, min(h.first) AS first, max(h.last) AS last
  FROM position_hour h
  JOIN spell s ON s.device = h.device AND h.first < s.until AND h.last >= s.since
  JOIN grid g ON g.id = h.grid
 WHERE h.hour >= %(since)s AND h.hour < %(until)s AND h.fixes >= 2 AND g.code = %(grid)s
 GROUP BY 1, 2
 ORDER BY 1, 2;
