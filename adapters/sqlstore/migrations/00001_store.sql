-- The schema of SQLite and PostgreSQL alike. Moments are microseconds since
-- 1970 UTC, amounts are bani. BYTEA is PostgreSQL's word; SQLite keeps a blob in
-- such a column as it is. What could name a person is sealed (person, code,
-- obligation) or a 16-byte keyed pseudonym (login, account, external, subject).

-- +goose Up
CREATE TABLE parties (
    id     TEXT  NOT NULL PRIMARY KEY,
    login  BYTEA NOT NULL UNIQUE,
    person BYTEA NOT NULL
);

CREATE TABLE links (
    id        TEXT   NOT NULL PRIMARY KEY,
    party     TEXT   NOT NULL REFERENCES parties (id),
    creditor  TEXT   NOT NULL,
    account   BYTEA  NOT NULL,
    code      BYTEA  NOT NULL,
    linked_at BIGINT NOT NULL,
    UNIQUE (party, creditor, account)
);

CREATE TABLE marks (
    party      TEXT   NOT NULL REFERENCES parties (id),
    creditor   TEXT   NOT NULL,
    obligation TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    since      BIGINT NOT NULL,
    PRIMARY KEY (party, creditor, obligation)
);

CREATE TABLE attempts (
    day     TEXT    NOT NULL,
    subject BYTEA   NOT NULL, -- a party, or an account
    tries   INTEGER NOT NULL,
    PRIMARY KEY (day, subject)
);

-- What is published of each creditor's feed. Generation 0 is nothing yet.
CREATE TABLE feeds (
    creditor   TEXT   NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL DEFAULT 0,
    as_of      BIGINT NOT NULL DEFAULT 0,
    full_as_of BIGINT NOT NULL DEFAULT 0, -- of the last full delivery
    read_to    BYTEA  NOT NULL            -- the feed's cursor
);

-- Deliveries that are being staged, or wait for a person.
CREATE TABLE deliveries (
    id         TEXT    NOT NULL PRIMARY KEY,
    creditor   TEXT    NOT NULL,
    generation BIGINT  NOT NULL UNIQUE,
    whole      BOOLEAN NOT NULL,
    as_of      BIGINT  NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('staging', 'held')),
    touched_at BIGINT  NOT NULL,
    reason     TEXT    NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX deliveries_staging ON deliveries (creditor) WHERE state = 'staging';

CREATE TABLE snapshot_rows (
    generation BIGINT NOT NULL,
    external   BYTEA  NOT NULL,
    account    BYTEA  NOT NULL,
    as_of      BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    obligation BYTEA  NOT NULL,
    PRIMARY KEY (generation, external)
);
CREATE INDEX snapshot_rows_account ON snapshot_rows (generation, account, due);

-- Generations whose rows are still to be deleted.
CREATE TABLE trash (
    generation BIGINT NOT NULL PRIMARY KEY
);

CREATE TABLE holders (
    holder      TEXT   NOT NULL PRIMARY KEY,
    born_at     BIGINT NOT NULL,
    alive_until BIGINT NOT NULL
);

CREATE TABLE slots (
    creditor   TEXT    NOT NULL,
    holder     TEXT    NOT NULL,
    held       INTEGER NOT NULL,
    held_until BIGINT  NOT NULL,
    PRIMARY KEY (creditor, holder)
);

CREATE TABLE quarantines (
    creditor TEXT   NOT NULL PRIMARY KEY,
    reason   TEXT   NOT NULL,
    since    BIGINT NOT NULL
);
