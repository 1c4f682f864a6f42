-- name: record
INSERT INTO audit (actor, action, subject, detail) VALUES (%(actor)s, %(action)s, %(subject)s, %(detail)s);
