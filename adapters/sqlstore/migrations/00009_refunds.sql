-- A refund that failed may be given back by hand: in the provider's console, by bank
-- transfer, or by the payer's own bank, whose dispute may be lost afterwards.

-- +goose Up
INSERT INTO edges (kind, was, becomes) VALUES
    ('refund', 'refund_failed', 'refunded'),
    ('refund', 'refunded', 'requested'),
    ('line', 'refunded', 'rejected');
