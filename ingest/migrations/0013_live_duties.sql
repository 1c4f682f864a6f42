-- What was once is not to be read when something happens now.

-- Every mark wakes the live duties of a place, of all that it ever had.
CREATE INDEX duty_live ON duty (rule, subject) WHERE state NOT IN ('final', 'superseded');

-- A duty that is taken from the plan before it begins is deleted, and each time it is asked whether an alert or a ticket
-- is about it.
CREATE INDEX alert_duty ON alert (duty) WHERE duty IS NOT NULL;
CREATE INDEX ticket_duty ON ticket (duty) WHERE duty IS NOT NULL;

-- Alerts of a rule since a moment, or about the rounds that a correction took away.
CREATE INDEX alert_rule ON alert (rule, opened_at);
CREATE INDEX alert_round ON alert (rule, subject) WHERE duty IS NULL;

-- Who was sent somewhere of late.
CREATE INDEX incident_dispatched ON incident (dispatched_at);

-- Names and posts of then, looked up for each duty of a page or of a measure: among all versions of all of them otherwise.
CREATE INDEX unit_code ON unit (code, valid_from);
CREATE INDEX post_code ON post (code, valid_from);
CREATE INDEX post_unit ON post (unit, valid_from);
CREATE INDEX route_code ON route (code, valid_from);
CREATE INDEX checkpoint_code ON checkpoint (code, valid_from);
