-- The dated world's running number: whoever judges sees at a glance whether anything in it changed. Counting rows for that
-- costs more with each town. The triggers see every change, whoever makes it; they take the row's lock, so that numbers
-- are visible in the order of the commits; a transaction counts once, however many rows it imports.

CREATE TABLE world_revision (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  revision bigint NOT NULL DEFAULT 0,
  counted  xid8
) WITH (fillfactor = 50);
INSERT INTO world_revision DEFAULT VALUES;

CREATE FUNCTION note_world_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE world_revision SET revision = revision + 1, counted = pg_current_xact_id()
   WHERE counted IS DISTINCT FROM pg_current_xact_id();
  RETURN NULL;
END $$;
CREATE TRIGGER grid_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON grid
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER unit_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON unit
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER post_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON post
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER device_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON device
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER custody_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON custody
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER checkpoint_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER route_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON route
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER shift_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON shift
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER equipment_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON equipment
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER rule_setting_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rule_setting
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER grade_policy_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON grade_policy
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER grid_post_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON grid_post
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER holiday_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON holiday
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER line_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON line
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER line_plan_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON line_plan
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER static_post_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON static_post
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER visit_plan_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON visit_plan
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
CREATE TRIGGER leave_in_world AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON leave
  FOR EACH STATEMENT EXECUTE FUNCTION note_world_change();
