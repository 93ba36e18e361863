-- What comparing the books with others' found, and what stops paying. Moments are
-- the store's time in microseconds since 1970 UTC, amounts are bani.

-- +goose Up
CREATE INDEX payments_under_way ON payments (state, opened_at)
    WHERE state NOT IN ('voided', 'failed', 'cancelled', 'expired', 'settled', 'settled_partly', 'disputed');

CREATE TABLE differences (
    job       TEXT   NOT NULL,
    scope     TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    amount    BIGINT NOT NULL,
    detail    TEXT   NOT NULL,
    since     BIGINT NOT NULL,
    explained BIGINT NOT NULL, -- 0 = open
    PRIMARY KEY (job, scope, kind, name)
);
CREATE INDEX differences_open ON differences (since) WHERE explained = 0;

CREATE TABLE jobs (
    job          TEXT   NOT NULL PRIMARY KEY,
    holder       TEXT   NOT NULL,
    leased_until BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    succeeded_at BIGINT NOT NULL, -- 0 = never
    cursor       TEXT   NOT NULL
);

CREATE TABLE barriers (
    barrier TEXT   NOT NULL PRIMARY KEY,
    reason  TEXT   NOT NULL,
    since   BIGINT NOT NULL
);

CREATE TABLE payouts (
    account   TEXT    NOT NULL, -- creditor/account
    ref       TEXT    NOT NULL,
    psp       TEXT    NOT NULL, -- '' = only the bank knows it
    merchant  TEXT    NOT NULL,
    day       TEXT    NOT NULL,
    settled   BOOLEAN NOT NULL,
    gross     BIGINT  NOT NULL,
    fee       BIGINT  NOT NULL,
    net       BIGINT  NOT NULL,
    banked    BOOLEAN NOT NULL,
    booked    BIGINT  NOT NULL,
    banked_on TEXT    NOT NULL,
    PRIMARY KEY (account, ref)
);
CREATE INDEX payouts_day ON payouts (day);
