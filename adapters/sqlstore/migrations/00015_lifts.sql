-- How often a connector was let out of quarantine: what is remembered from before
-- the last time is not shown any more.

-- +goose Up
CREATE TABLE lifts (
    creditor TEXT   NOT NULL PRIMARY KEY,
    lifts    BIGINT NOT NULL -- of what was live; only grows
);

ALTER TABLE connector_versions ADD COLUMN lifted INTEGER NOT NULL DEFAULT 0; -- how often this version was
