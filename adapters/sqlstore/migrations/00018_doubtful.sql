-- Refunds of which nobody knows whether they were given back.

-- +goose Up
CREATE INDEX refunds_doubtful ON refunds (payment) WHERE state = 'refund_unknown';
