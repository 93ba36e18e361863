-- Debts that a line pays beside its own: a year with its discount pays all instalments.

-- +goose Up
ALTER TABLE lines ADD COLUMN covers TEXT NOT NULL DEFAULT ''; -- their ids, with commas between
ALTER TABLE marks ADD COLUMN covers TEXT NOT NULL DEFAULT '';
