#!/bin/sh
# Runs once, when the database server makes its data folder: gengfu owns its database and is no superuser.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$(cat /run/secrets/database_password)" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE gengfu LOGIN PASSWORD :'password';
CREATE DATABASE gengfu OWNER gengfu;
\connect gengfu
CREATE EXTENSION IF NOT EXISTS timescaledb;
SQL
