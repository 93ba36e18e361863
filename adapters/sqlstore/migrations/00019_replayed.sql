-- How many attempts had been made at an event when it was replayed: it begins anew.

-- +goose Up
ALTER TABLE events ADD COLUMN replayed_after BIGINT NOT NULL DEFAULT 0;
