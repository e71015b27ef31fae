-- Refunds that go through a payment gateway: written before the gateway is asked. While the end of
-- one is unknown its money is held in the wallet by a pending transfer, and counted in
-- payment.refunding, so that no more is given back than was paid.
CREATE TABLE refund (
  refund_id  text PRIMARY KEY,
  payment_id text NOT NULL REFERENCES payment,
  account_id text NOT NULL REFERENCES account,
  gateway    text NOT NULL,
  charge     text NOT NULL,                -- what the gateway calls the payment
  currency   text NOT NULL,
  amount     bigint NOT NULL CHECK (amount > 0),
  state      text NOT NULL CHECK (state IN ('started', 'pending', 'sent', 'refused', 'absent')),
  reference  text NOT NULL DEFAULT '',
  reason     text NOT NULL DEFAULT '',
  held       boolean NOT NULL,             -- its money is held in the wallet
  looks      integer NOT NULL DEFAULT 0,   -- how often the janitor asked
  look_at    timestamptz NOT NULL,         -- when it asks next
  created_at timestamptz NOT NULL,
  sent_at    timestamptz,                  -- when the gateway was asked again last
  CHECK (NOT held OR state IN ('started', 'pending'))
);
CREATE INDEX refund_by_payment ON refund (payment_id);
CREATE INDEX refund_by_account ON refund (account_id, created_at);
CREATE INDEX refund_by_time ON refund (created_at, refund_id);
CREATE INDEX refund_to_look_at ON refund (look_at) WHERE state IN ('started', 'pending');

ALTER TABLE payment
  ADD COLUMN refunding bigint NOT NULL DEFAULT 0 CHECK (refunding >= 0),
  ADD CHECK (refunded + charged_back + refunding <= amount);
