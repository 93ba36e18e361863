-- What was settled is found by its age, to be forgotten.

-- +goose Up
CREATE INDEX events_settled ON events (settled_at) WHERE due_at IS NULL;
