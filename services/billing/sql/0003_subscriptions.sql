CREATE TABLE subscription (
  subscription_id text PRIMARY KEY,
  account_id      text NOT NULL REFERENCES account,
  tariff_plan_id  text NOT NULL REFERENCES tariff_plan,
  state           text NOT NULL
    CHECK (state IN ('active', 'grace', 'suspended', 'cancelled', 'expired')),
  valid_until     date,                  -- first day not paid for; NULL: open-ended
  started_at      timestamptz NOT NULL,
  cancel_at_end   boolean NOT NULL DEFAULT false,
  revision        bigint NOT NULL
);
CREATE INDEX subscription_by_account ON subscription (account_id, started_at);
CREATE INDEX subscription_by_plan ON subscription (tariff_plan_id)
  WHERE state IN ('active', 'grace');
CREATE INDEX subscription_by_end ON subscription (valid_until)
  WHERE state IN ('active', 'grace', 'suspended');
