-- name: list_objections
-- One page, newest first, of what the viewer may see. NULL filters let everything pass.
SELECT o.id, o.duty, d.rule, d.subject, coalesce(d.context->>'checkpoint', d.context->>'name') AS name, o.unit, d.grid,
       d.opens_at, d.due_at, o.account, o.text, o.verdict, d.verdict AS verdict_now, o.made_at, o.state, o.remedy,
       o.answer, o.answered_by, o.answered_at, o.seen_at
  FROM objection o JOIN duty d ON d.id = o.duty
 WHERE (%(scope)s::text IS NULL OR d.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR o.unit = %(own_unit)s)
   AND (%(state)s::text[] IS NULL OR o.state = ANY(%(state)s))
   AND (%(unit)s::text IS NULL OR o.unit = %(unit)s)
   AND (%(grid)s::text IS NULL OR d.grid IN (SELECT grids_within(%(grid)s)))
   AND (%(before)s::bigint IS NULL OR o.id < %(before)s)
 ORDER BY o.id DESC
 LIMIT %(limit)s;

-- name: count_objections
-- Whatever the page's filters are: open ones, and answers that the account has not opened.
SELECT count(*) FILTER (WHERE o.state = 'open') AS open,
       count(*) FILTER (WHERE o.account = %(account)s AND o.state IN ('upheld', 'rejected') AND o.seen_at IS NULL) AS unseen
  FROM objection o JOIN duty d ON d.id = o.duty
 WHERE (o.state = 'open' OR o.account = %(account)s)
   AND (%(scope)s::text IS NULL OR d.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR o.unit = %(own_unit)s);

-- name: find_objection
-- One objection, if the viewer may see it.
SELECT o.id, o.duty, d.rule, d.subject, coalesce(d.context->>'checkpoint', d.context->>'name') AS name, o.unit, d.grid,
       d.opens_at, d.due_at, o.account, o.text, o.verdict, d.verdict AS verdict_now, o.made_at, o.state, o.remedy,
       o.answer, o.answered_by, o.answered_at, o.seen_at
  FROM objection o JOIN duty d ON d.id = o.duty
 WHERE o.id = %(id)s
   AND (%(scope)s::text IS NULL OR d.grid IN (SELECT grids_within(%(scope)s)))
   AND (NOT %(own)s OR o.unit = %(own_unit)s);
