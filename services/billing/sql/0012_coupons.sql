-- What is taken off the price of some terms. domain/coupon.h says what the columns mean.
CREATE TABLE coupon (
  coupon_id          text PRIMARY KEY,     -- the code, in upper case
  name               text NOT NULL,
  parts_per_million  integer NOT NULL CHECK (parts_per_million BETWEEN 0 AND 1000000),
  currency           text NOT NULL,        -- of the amount; empty with parts_per_million
  amount             bigint NOT NULL CHECK (amount >= 0),
  tariff_plan_ids    text[] NOT NULL,      -- empty: all
  terms              integer NOT NULL CHECK (terms >= 0),   -- 0: all
  max_redemptions    integer NOT NULL CHECK (max_redemptions >= 0),  -- 0: unlimited
  max_per_account    integer NOT NULL CHECK (max_per_account >= 0),  -- 0: unlimited
  valid_from         date NOT NULL,
  expires_on         date,                 -- first day on which it is worth nothing; NULL: never
  new_customers_only boolean NOT NULL,
  withdrawn          boolean NOT NULL DEFAULT false,
  redeemed           integer NOT NULL DEFAULT 0,
  CHECK ((parts_per_million = 0) = (amount > 0)),
  CONSTRAINT coupon_limit CHECK (max_redemptions = 0 OR redeemed <= max_redemptions)
);

CREATE TABLE coupon_redemption (
  redemption_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  coupon_id       text NOT NULL REFERENCES coupon,
  account_id      text NOT NULL REFERENCES account,
  subscription_id text NOT NULL REFERENCES subscription,
  redeemed_on     date NOT NULL
);
CREATE INDEX coupon_redemption_by_coupon ON coupon_redemption (coupon_id, redemption_id);
CREATE INDEX coupon_redemption_by_account ON coupon_redemption (account_id, redemption_id);
CREATE INDEX coupon_redemption_by_subscription
  ON coupon_redemption (subscription_id, redemption_id);

ALTER TABLE invoice_line ADD COLUMN coupon_id text NOT NULL DEFAULT '';  -- of a discount

-- Of a discounted term: what did it, and the end of the period that it counts for.
ALTER TABLE subscription_term
  ADD COLUMN redemption_id bigint REFERENCES coupon_redemption,
  ADD COLUMN period_end    date,
  ADD CHECK ((redemption_id IS NULL) = (period_end IS NULL));
