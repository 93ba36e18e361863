-- Connectors that companies register: their versions, who did what to them, what
-- was seen of those on their way, and their secrets, which only whoever has the
-- key-encryption key can read. Moments are microseconds since 1970 UTC.

-- +goose Up
CREATE TABLE connector_versions (
    creditor TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    stage    TEXT    NOT NULL,
    share    INTEGER NOT NULL,
    pays     BOOLEAN NOT NULL,
    class    TEXT    NOT NULL,
    since    BIGINT  NOT NULL,
    about    BYTEA   NOT NULL, -- sealed: author, moments, facts, report
    manifest BYTEA   NOT NULL, -- sealed: the text with its files
    PRIMARY KEY (creditor, version)
);
-- A creditor has at most one version that is live and one that is on its way.
CREATE UNIQUE INDEX connector_versions_live ON connector_versions (creditor) WHERE stage = 'live';
CREATE UNIQUE INDEX connector_versions_coming ON connector_versions (creditor) WHERE stage IN ('shadow', 'canary');

-- What is only added to: moves, approvals, proofs of accounts, notices, contacts.
CREATE TABLE connector_records (
    creditor TEXT    NOT NULL,
    version  INTEGER NOT NULL, -- 0 = of the whole registration
    kind     TEXT    NOT NULL,
    no       INTEGER NOT NULL,
    record   BYTEA   NOT NULL, -- sealed
    PRIMARY KEY (creditor, version, kind, no)
);

CREATE TABLE connector_epoch (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    epoch BIGINT  NOT NULL
);

CREATE TABLE connector_trials (
    creditor    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    calls       BIGINT  NOT NULL,
    failed      BIGINT  NOT NULL,
    compared    BIGINT  NOT NULL,
    differed    BIGINT  NOT NULL,
    others      BIGINT  NOT NULL, -- answers about somebody else
    first_at    BIGINT  NOT NULL,
    last_at     BIGINT  NOT NULL,
    PRIMARY KEY (creditor, version)
);

CREATE TABLE connector_mismatches (
    creditor TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    id       TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    mismatch BYTEA   NOT NULL, -- sealed
    PRIMARY KEY (creditor, version, id)
);

CREATE TABLE connector_secrets (
    creditor    TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    previous    BOOLEAN NOT NULL,
    kek         TEXT    NOT NULL,
    wrapped     BYTEA   NOT NULL, -- the data key
    sealed      BYTEA   NOT NULL, -- the value
    fingerprint TEXT    NOT NULL,
    set_at      BIGINT  NOT NULL,
    issuer      TEXT    NOT NULL, -- by whom
    subject     TEXT    NOT NULL,
    PRIMARY KEY (creditor, name, version)
);
CREATE UNIQUE INDEX connector_secrets_slots ON connector_secrets (creditor, name, previous);
CREATE INDEX connector_secrets_kek ON connector_secrets (kek);
