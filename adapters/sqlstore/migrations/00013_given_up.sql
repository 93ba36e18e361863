-- Since when a job is tried that was never done, and what receivers and companies
-- were told in vain until it was given up: a person has to hear of each. Moments
-- are microseconds since 1970 UTC.

-- +goose Up
ALTER TABLE jobs ADD COLUMN first_at BIGINT NOT NULL DEFAULT 0; -- when it was first taken
UPDATE jobs SET first_at = due_at;

ALTER TABLE events ADD COLUMN given_up_at BIGINT NOT NULL DEFAULT 0; -- 0 = not
CREATE INDEX events_given_up ON events (given_up_at) WHERE given_up_at > 0;

ALTER TABLE connector_letters ADD COLUMN given_up_at BIGINT NOT NULL DEFAULT 0; -- 0 = not
