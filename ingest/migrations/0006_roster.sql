-- The roster: which posts are away, who stands in for them, and which custody was handed over by hand.

-- Who does a post's duties while it is away, when no grid names another; a code of post.
ALTER TABLE post ADD COLUMN deputy text;

-- Times in which a post does no duty. cover is the post named to stand in; NULL leaves that to B of its grids and to its deputy.
CREATE TABLE leave (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  post       text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('leave', 'sick', 'training', 'handset_dead', 'other')),
  cover      text CHECK (cover <> post),
  note       text NOT NULL DEFAULT '',
  valid_from timestamptz NOT NULL,
  valid_to   timestamptz CHECK (valid_to > valid_from)
);
CREATE INDEX leave_post ON leave (post, valid_from);

-- Who handed a device over or put the record right, NULL for what the town's files say: an import leaves the others alone.
ALTER TABLE custody ADD COLUMN changed_by text;

-- The charge of the vehicle that a device sits in, in percent.
ALTER TABLE last_known ADD COLUMN charge smallint;
ALTER TABLE last_known ADD COLUMN charge_time timestamptz;

-- Whether a post was on leave at a moment.
CREATE FUNCTION post_away(which text, moment timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM leave l WHERE l.post = which
                    AND l.valid_from <= moment AND (l.valid_to IS NULL OR l.valid_to > moment))
$$;

-- The post that did a post's duties at a moment: itself, or the first there of who was named for the leave, B of its
-- grids and its deputy; NULL when nobody was. The rules reckon the same in rules/core/cover.py.
CREATE FUNCTION standing_in(which text, moment timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN NOT post_away(which, moment) THEN which ELSE (
    SELECT c.code
      FROM (SELECT 1 AS rank, '' AS grid, l.cover AS code FROM leave l
             WHERE l.post = which AND l.valid_from <= moment AND (l.valid_to IS NULL OR l.valid_to > moment)
            UNION ALL
            SELECT 2, a.grid, b.post FROM grid_post a JOIN grid_post b ON b.grid = a.grid
             WHERE a.slot = 'A' AND a.post = which AND a.valid_from <= moment AND (a.valid_to IS NULL OR a.valid_to > moment)
               AND b.slot = 'B' AND b.valid_from <= moment AND (b.valid_to IS NULL OR b.valid_to > moment)
            UNION ALL
            SELECT 3, '', p.deputy FROM post p
             WHERE p.code = which AND p.valid_from <= moment AND (p.valid_to IS NULL OR p.valid_to > moment)) c
     WHERE c.code <> which AND NOT post_away(c.code, moment)
       AND EXISTS (SELECT FROM post p WHERE p.code = c.code
                      AND p.valid_from <= moment AND (p.valid_to IS NULL OR p.valid_to > moment))
     ORDER BY c.rank, c.grid COLLATE "C" LIMIT 1) END
$$;

-- The posts that have to do with a territory: in it, of a unit that has, or answering for a grid of it; NULL asks for all.
CREATE FUNCTION posts_within(scope text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT DISTINCT p.code FROM post p
   WHERE scope IS NULL
      OR p.grid IN (SELECT grids_within(scope))
      OR p.unit IN (SELECT units_within(scope))
      OR p.code IN (SELECT g.post FROM grid_post g WHERE g.valid_to IS NULL AND g.grid IN (SELECT grids_within(scope)))
$$;
