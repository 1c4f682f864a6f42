-- Two communities side by side, C1 and C2, with base grids B1 and B2, and one of everything in each.
-- What has no grid, only accounts of the whole site may see.
INSERT INTO grid (code, name, level, parent, grade, geometry)
SELECT code, 'grid ' || code, level, parent, CASE WHEN level = 3 THEN 2 END,
       json_build_object('type', 'Polygon', 'coordinates', json_build_array(json_build_array(
         json_build_array(west, 30.0), json_build_array(east, 30.0), json_build_array(east, 30.1),
         json_build_array(west, 30.1), json_build_array(west, 30.0))))::jsonb
  FROM (VALUES ('T', 1, NULL, 111.0, 111.2), ('C1', 2, 'T', 111.0, 111.1), ('C2', 2, 'T', 111.1, 111.2),
               ('B1', 3, 'C1', 111.0, 111.1), ('B2', 3, 'C2', 111.1, 111.2)) AS g (code, level, parent, west, east);
INSERT INTO unit (code, name, kind, squad)
VALUES ('U1', 'unit 1', 'foot', 'A'), ('U2', 'unit 2', 'car', 'B'), ('U3', 'unit 3', 'foot', 'B');
INSERT INTO post (code, name, unit, role, grid) VALUES ('P1', 'post 1', 'U1', 'patrol', 'B1'),
  ('P2', 'post 2', 'U2', 'patrol', NULL);
INSERT INTO checkpoint (code, name, grid, lat, lon, radius_m)
VALUES ('K1', 'gate 1', 'B1', 30.05, 111.05, 30), ('K2', 'gate 2', 'B2', 30.05, 111.15, 30);
INSERT INTO route (code, name, checkpoints, geometry) VALUES
  ('R1', 'route 1', '{K1}', '{}'), ('R2', 'route 2', '{K2}', '{}'), ('R3', 'both', '{K1,K2}', '{}');
INSERT INTO shift (code, name, days, starts, ends, unit, route, rounds)
SELECT 'always', 'always', '{mon,tue,wed,thu,fri,sat,sun}', '00:00', '00:00', unit, route, 1
  FROM (VALUES ('U1', 'R1'), ('U2', 'R2')) AS s (unit, route);
INSERT INTO device (name, kind) VALUES ('H1', 'handset'), ('H2', 'handset'), ('X9', 'recorder');
INSERT INTO device_secret (device, verifiers) SELECT number, '{"nats": "a verifier"}' FROM device WHERE name = 'H1';
INSERT INTO custody (device, holder_kind, holder)
SELECT number, 'post', 'P' || right(name, 1) FROM device WHERE name IN ('H1', 'H2');
INSERT INTO position (device, time, digest, lat, lon, accuracy, speed, heading, battery, flags, grid,
                      boot, seq, received_at)
SELECT d.number, date_trunc('second', now()) - n * interval '1 minute', n, 300500000 + n,
       1110500000 + right(d.name, 1)::int * 1000000 - 1000000,
       60, 130, 870, 83, CASE n WHEN 5 THEN 1 ELSE 0 END, g.id, 1, 100 - n, now()
  FROM device d JOIN grid g ON g.code = 'B' || right(d.name, 1), generate_series(1, 50) AS n;
INSERT INTO last_known (device, time, lat, lon, accuracy, flags, grid, battery, battery_time, heard_at)
SELECT device, max(time), 300500001, 1110500000, 60, 0, min(grid), 83, max(time), max(time) FROM position GROUP BY device;
INSERT INTO last_known (device, time, lat, lon, flags, grid, heard_at)
SELECT number, now(), 1, 1, 4, NULL, now() FROM device WHERE name = 'X9';
INSERT INTO round (key, shift, route, unit, grid, starts_at, ends_at)
SELECT 'round ' || route, 'always', route, unit, grid, now() - interval '1 second', now() + interval '2 hours'
  FROM (VALUES ('R1', 'U1', 'B1'), ('R2', 'U2', 'B2'), ('R3', 'U2', NULL)) AS r (route, unit, grid);
INSERT INTO duty (rule, key, subject, unit, round, grid, opens_at, due_at, settles_at, final_at, state, verdict)
SELECT 'missed_checkpoint', r.key || c.code, c.code, r.unit, r.id, c.grid, r.starts_at, r.ends_at, r.ends_at, r.ends_at,
       CASE r.route WHEN 'R1' THEN 'provisional' ELSE 'open' END, CASE r.route WHEN 'R1' THEN 'late' END
  FROM round r JOIN route o ON o.code = r.route JOIN checkpoint c ON c.code = ANY (o.checkpoints) ORDER BY r.id, c.code;
INSERT INTO duty (rule, key, subject, grid, opens_at, due_at, settles_at, final_at, state, verdict, context)
SELECT 'equipment_expiry', 'E' || n, 'E' || n, CASE WHEN n < 3 THEN 'B' || n END, now() - interval '40 days', due, due,
       due + interval '20 years', 'provisional', 'missed', '{"work": "service"}'
  FROM generate_series(1, 3) AS n, LATERAL (SELECT now() + (n - 2) * interval '20 days' AS due) AS d;
INSERT INTO evidence (body) VALUES ('{"fixes": []}');
INSERT INTO alert (fingerprint, rule, subject, class, severity, title, reasons, grid, unit, device, evidence, lat, lon,
                   opened_at, changed_at)
SELECT 'sos ' || n, 'sos', 'H' || n, 'sos', 'critical', '<img src=x onerror=alert(1)>', '[{"code": "pressed"}]',
       CASE WHEN n < 3 THEN 'B' || n END, 'U' || n, 'H' || n, 1, 30.05, 111.05, now() - interval '1 minute', now()
  FROM generate_series(1, 3) AS n;
INSERT INTO alert_history (alert, at, event, actor) SELECT id, opened_at, 'opened', 'rules' FROM alert;
INSERT INTO incident (number, kind, grid, source, unit, lat, lon, occurred_at, reported_at)
SELECT 'I-20261121-000' || n, 'fire_hazard', CASE WHEN n < 3 THEN 'B' || n END, 'device:H1', 'U' || n, 30.05, 111.05,
       now(), now() FROM generate_series(1, 3) AS n;
INSERT INTO equipment (code, kind, name, grid, lat, lon, manufactured)
SELECT 'E' || n, CASE n WHEN 1 THEN 'hydrant' ELSE 'powder' END, 'thing ' || n, CASE WHEN n < 3 THEN 'B' || n END,
       30.05, 111.05, '2020-01-01' FROM generate_series(1, 3) AS n;
INSERT INTO equipment (code, kind, name, grid, lat, lon, device) VALUES ('E4', 'hydrant', 'a watched one', 'B2', 30.06, 111.15, 'G4');
INSERT INTO road (code, name, kind, geometry)
SELECT code, 'road ' || code, 'street', json_build_object('type', 'LineString', 'coordinates', json_build_array(
         json_build_array(west, 30.05), json_build_array(east, 30.05)))::jsonb
  FROM (VALUES ('W1', 111.01, 111.09), ('W2', 111.11, 111.19), ('W3', 111.05, 111.15)) AS r (code, west, east);
INSERT INTO ticket (number, fingerprint, kind, equipment, title, grid, opened_at, due_at)
SELECT 'T-20261121-000' || n, 'expiry E' || n, 'replace', 'E' || n, 'too old', CASE WHEN n < 3 THEN 'B' || n END,
       now(), now() - interval '1 day' FROM generate_series(1, 3) AS n;
INSERT INTO audit (actor, action, subject) VALUES ('officer', 'track.look', 'H2');
INSERT INTO duty (rule, key, subject, unit, grid, opens_at, due_at, settles_at, final_at, state, verdict)
SELECT 'missed_checkpoint', 'yesterday ' || n, 'K' || n, 'U' || n, CASE WHEN n < 3 THEN 'B' || n END, day, day + hour,
       day + hour, day + hour * 73, 'provisional', 'missed'
  FROM generate_series(1, 3) AS n, (VALUES (now() - interval '1 day', interval '1 hour')) AS d (day, hour);
INSERT INTO objection (duty, account, unit, text, verdict, made_at)
SELECT id, CASE unit WHEN 'U1' THEN 'patrol' ELSE 'other' END, unit, 'the gate was shut', 'missed', now()
  FROM duty WHERE key LIKE 'yesterday%' ORDER BY id;
INSERT INTO waiver (unit, grid, since, until, why, made_by, made_at)
SELECT 'U' || n, CASE WHEN n < 3 THEN 'B' || n END, now() - interval '9 days', now() - interval '8 days', 'a storm',
       'officer', now() FROM generate_series(1, 3) AS n;
INSERT INTO told (alert, history, kind, who, channel, class, at)
SELECT a.id, h.id, 'account', w.who, 'console', 'unproven', now()
  FROM alert a JOIN alert_history h ON h.alert = a.id, (VALUES ('officer'), ('officer_c1'), ('leader')) AS w (who);
INSERT INTO alert_history (alert, at, event, actor) SELECT id, now(), 'changed', 'system' FROM alert;
