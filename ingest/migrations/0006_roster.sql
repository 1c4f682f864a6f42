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
