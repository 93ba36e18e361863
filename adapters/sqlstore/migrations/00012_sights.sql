-- Whoever may ask a creditor about an account or by a code sees the debts there,
-- and is told when one of them is paid, whoever pays. Subjects are pseudonyms.

-- +goose Up
CREATE TABLE sights (
    subject BYTEA   NOT NULL, -- an account, or a code
    payment TEXT    NOT NULL,
    line    INTEGER NOT NULL,
    PRIMARY KEY (subject, payment, line)
);

-- The codes of parties. Those of before are written when their issuer is asked
-- again, which read_at 0 makes due.
CREATE TABLE codes (
    party   TEXT  NOT NULL REFERENCES parties (id),
    subject BYTEA NOT NULL,
    PRIMARY KEY (party, subject)
);

ALTER TABLE parties ADD COLUMN read_at BIGINT NOT NULL DEFAULT 0; -- when the issuer last said who this is
