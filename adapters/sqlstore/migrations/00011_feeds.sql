-- What is left out of deliveries, and for whom they speak.

-- +goose Up
-- Records that were refused, beside the rows of their delivery. An account or an
-- external id that could not be read is sixteen zero bytes; refusal is sealed.
CREATE TABLE refusals (
    generation BIGINT NOT NULL,
    account    BYTEA  NOT NULL,
    external   BYTEA  NOT NULL,
    as_of      BIGINT NOT NULL,
    refusal    BYTEA  NOT NULL,
    PRIMARY KEY (generation, account, external)
);

-- A delivery of single rows says nothing about others: it moves the latest word,
-- not the moment the creditor's rows speak about (as_of).
ALTER TABLE deliveries ADD COLUMN single BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE feeds ADD COLUMN latest BIGINT NOT NULL DEFAULT 0; -- no row speaks about a later moment
UPDATE feeds SET latest = as_of;
