-- Tries to collect money through a gateway: written before the gateway is asked.
CREATE TABLE payment_attempt (
  attempt_id text PRIMARY KEY,
  account_id text NOT NULL REFERENCES account,
  gateway    text NOT NULL,
  currency   text NOT NULL,
  amount     bigint NOT NULL CHECK (amount > 0),
  source     text NOT NULL,
  state      text NOT NULL CHECK (state IN ('started', 'pending', 'paid', 'declined', 'absent')),
  reference  text NOT NULL DEFAULT '',
  reason     text NOT NULL DEFAULT '',
  payment_id text REFERENCES payment,
  looks      integer NOT NULL DEFAULT 0,   -- how often the janitor asked
  look_at    timestamptz NOT NULL,         -- when it asks next
  created_at timestamptz NOT NULL,
  CHECK ((state = 'paid') = (payment_id IS NOT NULL))
);
CREATE INDEX payment_attempt_by_account ON payment_attempt (account_id, created_at);
CREATE INDEX payment_attempt_to_look_at ON payment_attempt (look_at)
  WHERE state IN ('started', 'pending');

-- Webhooks that were taken.
CREATE TABLE gateway_event (
  gateway  text NOT NULL,
  event_id text NOT NULL,
  taken_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway, event_id)
);
CREATE INDEX gateway_event_by_age ON gateway_event (taken_at);
