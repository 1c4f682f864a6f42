-- name: versions
-- All versions of one line of the plan, locked.
SELECT * FROM shift WHERE code = %(code)s AND unit = %(unit)s AND route = %(route)s ORDER BY valid_from FOR UPDATE;

-- name: in_force
-- Whether the unit and the route are there at a moment.
SELECT EXISTS (SELECT FROM unit WHERE code = %(unit)s AND valid_from <= %(at)s
                  AND (valid_to IS NULL OR valid_to > %(at)s)) AS unit,
       EXISTS (SELECT FROM route WHERE code = %(route)s AND valid_from <= %(at)s
                  AND (valid_to IS NULL OR valid_to > %(at)s)) AS route;

-- name: delete
-- A version that never came into force, or that is put right from its beginning.
DELETE FROM shift WHERE id = %(id)s;

-- name: end
-- A version ends.
UPDATE shift SET valid_to = %(at)s WHERE id = %(id)s;

-- name: insert
-- The next version.
INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds, mode, first_day, last_day, round_min, holidays,
                   valid_from)
VALUES (%(code)s, %(name)s, %(days)s, %(starts)s, %(ends)s, %(unit)s, %(route)s, %(rounds)s, %(mode)s, %(first_day)s,
        %(last_day)s, %(round_min)s, %(holidays)s, %(since)s) RETURNING *;

-- name: list
-- Lines that hold at a moment or later.
SELECT * FROM shift WHERE valid_to IS NULL OR valid_to > %(at)s ORDER BY code, unit, route, valid_from;
