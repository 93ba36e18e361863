-- Payments, on SQLite and PostgreSQL alike; what the engines enforce in their own
-- words is in walls/. Moments are the store's time in microseconds since 1970
-- UTC, amounts are bani. A payment is the sealed body; lines, charges and refunds
-- repeat what is searched for and what the walls watch over.

-- +goose Up
CREATE TABLE payments (
    id         TEXT   NOT NULL PRIMARY KEY,
    party      TEXT   NOT NULL, -- '' for a payer who did not sign in
    portal     TEXT   NOT NULL,
    quote      TEXT   NOT NULL UNIQUE,
    state      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    opened_at  BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    body       BYTEA  NOT NULL
);
CREATE INDEX payments_party ON payments (party, opened_at, id) WHERE party <> '';
CREATE INDEX payments_changed ON payments (changed_at, id);

-- Clients' idempotency keys, as pseudonyms, kept for ever.
CREATE TABLE payment_keys (
    request BYTEA NOT NULL PRIMARY KEY,
    payment TEXT  NOT NULL REFERENCES payments (id),
    hash    BYTEA NOT NULL -- of the request's content
);

CREATE TABLE charges (
    payment    TEXT    NOT NULL REFERENCES payments (id),
    no         INTEGER NOT NULL,
    psp        TEXT    NOT NULL,
    merchant   TEXT    NOT NULL,
    number     TEXT,             -- our order number; NULL = none yet
    ref        TEXT    NOT NULL, -- the provider's own
    state      TEXT    NOT NULL,
    amount     BIGINT  NOT NULL CHECK (amount >= 0),
    taken      BIGINT  NOT NULL CHECK (taken >= 0), -- as the provider says
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (payment, no),
    UNIQUE (psp, number)
);

ALTER TABLE marks ADD COLUMN remains BIGINT NOT NULL DEFAULT 0;

CREATE TABLE lines (
    payment    TEXT    NOT NULL REFERENCES payments (id),
    no         INTEGER NOT NULL,
    party      TEXT    NOT NULL,
    creditor   TEXT    NOT NULL,
    obligation TEXT    NOT NULL,
    amount     BIGINT  NOT NULL CHECK (amount >= 0),
    state      TEXT    NOT NULL,
    hub        TEXT    NOT NULL, -- what the party's view says
    since      BIGINT  NOT NULL, -- business time of that
    remains    BIGINT  NOT NULL, -- bani the creditor shows at most once it has booked the line
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (payment, no)
);
CREATE INDEX lines_creditor ON lines (creditor, changed_at);
CREATE INDEX lines_party ON lines (party, creditor, obligation) WHERE party <> '';

CREATE TABLE refunds (
    payment    TEXT    NOT NULL REFERENCES payments (id),
    no         INTEGER NOT NULL,
    charge     INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    amount     BIGINT  NOT NULL CHECK (amount > 0),
    state      TEXT    NOT NULL,
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (payment, no)
);

-- The only steps that charges, lines and refunds may take. The first comes from
-- nowhere ('').
CREATE TABLE edges (
    kind    TEXT NOT NULL, -- charge line refund
    was     TEXT NOT NULL,
    becomes TEXT NOT NULL,
    PRIMARY KEY (kind, was, becomes)
);

-- One row for each obligation that is being paid: the key is the claim.
CREATE TABLE claims (
    creditor   TEXT    NOT NULL,
    obligation TEXT    NOT NULL,
    payment    TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    until      BIGINT  NOT NULL,
    PRIMARY KEY (creditor, obligation)
);

-- Work to be done. A row stays when its work is done (due_at NULL), so that a
-- turn is never used twice.
CREATE TABLE works (
    payment      TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    no           INTEGER NOT NULL,
    creditor     TEXT    NOT NULL,
    due_at       BIGINT,           -- may be leased from then on
    nudged_at    BIGINT,           -- somebody wanted it by then, since it was last leased
    turn         BIGINT  NOT NULL, -- how often it was leased
    leased_until BIGINT  NOT NULL,
    changed_at   BIGINT  NOT NULL,
    PRIMARY KEY (payment, kind, no)
);
CREATE INDEX works_due ON works (kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX works_creditor ON works (kind, creditor, due_at) WHERE due_at IS NOT NULL AND creditor <> '';

-- The journal: one row is one leg. It is only added to.
CREATE TABLE journal (
    tx      TEXT    NOT NULL,
    leg     INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    payment TEXT    NOT NULL, -- '' = of none
    account TEXT    NOT NULL,
    debit   BIGINT  NOT NULL,
    credit  BIGINT  NOT NULL,
    at      BIGINT  NOT NULL,
    version BIGINT  NOT NULL, -- of the payment that the change made
    place   INTEGER NOT NULL, -- of the booking in that change
    PRIMARY KEY (tx, leg),
    UNIQUE (tx, account),
    CHECK ((debit > 0 AND credit = 0) OR (debit = 0 AND credit > 0))
);
CREATE INDEX journal_payment ON journal (payment);

-- What providers told us, for ever: the same event never counts twice.
CREATE TABLE facts (
    psp     TEXT    NOT NULL,
    event   TEXT    NOT NULL,
    number  TEXT    NOT NULL, -- our order number, as the provider repeats it
    ref     TEXT    NOT NULL,
    raw     BYTEA   NOT NULL,
    at      BIGINT  NOT NULL,
    matched BOOLEAN NOT NULL, -- a charge of ours had that number
    PRIMARY KEY (psp, event)
);
CREATE INDEX facts_number ON facts (psp, number);
CREATE INDEX facts_unmatched ON facts (at) WHERE NOT matched;

CREATE TABLE order_numbers (
    psp      TEXT   NOT NULL,
    stem     TEXT   NOT NULL, -- what the order numbers of the merchant account begin with
    merchant TEXT   NOT NULL,
    last     BIGINT NOT NULL,
    PRIMARY KEY (psp, stem)
);

CREATE TABLE anomalies (
    id      TEXT   NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    payment TEXT   NOT NULL, -- '' = of none
    detail  TEXT   NOT NULL
);
CREATE INDEX anomalies_at ON anomalies (at);

-- Events, one row for each receiver that is to be told.
CREATE TABLE events (
    payment    TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    receiver   TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    creditor   TEXT    NOT NULL,
    at         BIGINT  NOT NULL,
    due_at     BIGINT,           -- NULL = settled
    turn       INTEGER NOT NULL, -- how often it was leased
    tries      INTEGER NOT NULL,
    settled_at BIGINT  NOT NULL, -- 0 = not yet
    PRIMARY KEY (payment, seq, receiver)
);
CREATE INDEX events_due ON events (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX events_receiver ON events (receiver, at);

CREATE TABLE event_tries (
    payment  TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    receiver TEXT    NOT NULL,
    no       INTEGER NOT NULL,
    at       BIGINT  NOT NULL,
    took     BIGINT  NOT NULL, -- microseconds
    status   INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    PRIMARY KEY (payment, seq, receiver, no)
);
CREATE INDEX event_tries_receiver ON event_tries (receiver, at);

INSERT INTO edges (kind, was, becomes) VALUES
    ('charge', '', 'created'),
    ('charge', 'created', 'starting'),
    ('charge', 'created', 'cancelled'),
    ('charge', 'created', 'expired'),
    ('charge', 'created', 'failed'),
    ('charge', 'starting', 'awaiting'),
    ('charge', 'starting', 'failed'),
    ('charge', 'starting', 'cancelled'),
    ('charge', 'starting', 'expired'),
    ('charge', 'starting', 'authorised'),
    ('charge', 'starting', 'captured'),
    ('charge', 'starting', 'voided'),
    ('charge', 'awaiting', 'authorised'),
    ('charge', 'awaiting', 'captured'),
    ('charge', 'awaiting', 'failed'),
    ('charge', 'awaiting', 'cancelled'),
    ('charge', 'awaiting', 'expired'),
    ('charge', 'awaiting', 'voided'),
    ('charge', 'authorised', 'capturing'),
    ('charge', 'authorised', 'voiding'),
    ('charge', 'authorised', 'captured'),
    ('charge', 'authorised', 'voided'),
    ('charge', 'authorised', 'failed'),
    ('charge', 'capturing', 'captured'),
    ('charge', 'capturing', 'capture_unknown'),
    ('charge', 'capturing', 'voiding'),
    ('charge', 'capturing', 'voided'),
    ('charge', 'capture_unknown', 'captured'),
    ('charge', 'capture_unknown', 'capturing'),
    ('charge', 'capture_unknown', 'voiding'),
    ('charge', 'capture_unknown', 'voided'),
    ('charge', 'captured', 'disputed'),
    ('charge', 'voiding', 'voided'),
    ('charge', 'voiding', 'void_unknown'),
    ('charge', 'voiding', 'captured'),
    ('charge', 'void_unknown', 'voided'),
    ('charge', 'void_unknown', 'voiding'),
    ('charge', 'void_unknown', 'captured'),
    ('charge', 'voided', 'captured'),
    ('charge', 'failed', 'authorised'),
    ('charge', 'failed', 'captured'),
    ('charge', 'cancelled', 'authorised'),
    ('charge', 'cancelled', 'captured'),
    ('charge', 'expired', 'authorised'),
    ('charge', 'expired', 'captured'),
    ('charge', 'disputed', 'captured'),
    ('line', '', 'held'),
    ('line', '', 'dropped'),
    ('line', 'held', 'due'),
    ('line', 'held', 'dropped'),
    ('line', 'held', 'rejected'),
    ('line', 'dropped', 'held'),
    ('line', 'dropped', 'rejected'),
    ('line', 'due', 'posting'),
    ('line', 'due', 'rejected'),
    ('line', 'posting', 'posted'),
    ('line', 'posting', 'post_unknown'),
    ('line', 'posting', 'due'),
    ('line', 'posting', 'rejected'),
    ('line', 'posting', 'stuck'),
    ('line', 'post_unknown', 'posted'),
    ('line', 'post_unknown', 'due'),
    ('line', 'post_unknown', 'posting'),
    ('line', 'post_unknown', 'rejected'),
    ('line', 'post_unknown', 'stuck'),
    ('line', 'posted', 'reversing'),
    ('line', 'stuck', 'posted'),
    ('line', 'stuck', 'due'),
    ('line', 'stuck', 'rejected'),
    ('line', 'rejected', 'refunded'),
    ('line', 'reversing', 'posted'),
    ('line', 'reversing', 'rejected'),
    ('line', 'reversing', 'stuck'),
    ('refund', '', 'requested'),
    ('refund', 'requested', 'refunding'),
    ('refund', 'refunding', 'refunded'),
    ('refund', 'refunding', 'refund_unknown'),
    ('refund', 'refunding', 'refund_failed'),
    ('refund', 'refunding', 'requested'),
    ('refund', 'refund_unknown', 'refunded'),
    ('refund', 'refund_unknown', 'refunding'),
    ('refund', 'refund_unknown', 'requested'),
    ('refund', 'refund_unknown', 'refund_failed'),
    ('refund', 'refund_failed', 'requested');
