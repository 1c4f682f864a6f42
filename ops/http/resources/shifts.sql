-- name: list_shifts
-- Lines of the shift calendar that hold at a moment or later.
SELECT s.code, s.name, s.unit, s.route, s.days, s.starts, s.ends, s.rounds, s.mode, s.first_day, s.last_day, s.round_min,
       s.holidays, s.valid_from, s.valid_to
  FROM shift s
 WHERE (s.valid_to IS NULL OR s.valid_to > %(at)s)
   AND (%(scope)s::text IS NULL OR s.unit IN (SELECT units_within(%(scope)s)))
   AND (%(unit)s::text IS NULL OR s.unit = %(unit)s)
 ORDER BY s.code, s.unit, s.route, s.valid_from;
