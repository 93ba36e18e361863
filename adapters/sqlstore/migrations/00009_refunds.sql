-- A refund that failed may be given back by hand: in the provider's console, or by
-- bank transfer.

-- +goose Up
INSERT INTO edges (kind, was, becomes) VALUES ('refund', 'refund_failed', 'refunded');
