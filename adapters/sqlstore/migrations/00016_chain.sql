-- The journal's bookings one after the other, each with a hash over all before it,
-- and the places of that chain that the hub signed. Both are only added to.

-- +goose Up
CREATE TABLE chain (
    no   BIGINT NOT NULL PRIMARY KEY, -- 1, 2, 3 …
    tx   TEXT   NOT NULL UNIQUE,      -- the booking
    hash BYTEA  NOT NULL
);

CREATE TABLE checkpoints (
    no        BIGINT NOT NULL PRIMARY KEY, -- of the place that was signed
    hash      BYTEA  NOT NULL,
    at        BIGINT NOT NULL,
    signer    TEXT   NOT NULL, -- the key's name
    signature BYTEA  NOT NULL
);

CREATE INDEX journal_at ON journal (at) WHERE leg = 1; -- a booking each
