-- How the notices to companies' contacts are brought to them, each way by itself.
-- A way that is settled is due no more. Moments are microseconds since 1970 UTC.

-- +goose Up
CREATE TABLE connector_letters (
    creditor     TEXT    NOT NULL,
    notice       INTEGER NOT NULL, -- its number among connector_records
    channel      TEXT    NOT NULL, -- mail, webhook
    at           BIGINT  NOT NULL,
    due_at       BIGINT,           -- NULL = settled
    turn         INTEGER NOT NULL,
    tries        INTEGER NOT NULL,
    delivered_at BIGINT  NOT NULL, -- 0 = not
    code         TEXT    NOT NULL, -- why the last attempt failed
    detail       TEXT    NOT NULL,
    PRIMARY KEY (creditor, notice, channel)
);
CREATE INDEX connector_letters_due ON connector_letters (due_at) WHERE due_at IS NOT NULL;

-- What was only shown until now is brought too.
INSERT INTO connector_letters (creditor, notice, channel, at, due_at, turn, tries, delivered_at, code, detail)
SELECT creditor, no, 'mail', 0, 0, 0, 0, 0, '', '' FROM connector_records WHERE kind = 'notice';
