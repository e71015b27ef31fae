-- What the jobs leave alone until a person has looked at it.
ALTER TABLE account
  ADD COLUMN parked_since timestamptz,
  ADD COLUMN parked_why   text NOT NULL DEFAULT '';
CREATE INDEX account_that_is_parked ON account (parked_since) WHERE parked_since IS NOT NULL;

-- What a line's days were charged by, so that they are given back by the same. 0: not known.
ALTER TABLE invoice_line
  ADD COLUMN period_price bigint  NOT NULL DEFAULT 0,
  ADD COLUMN period_days  integer NOT NULL DEFAULT 0,
  ADD COLUMN discount_ppm integer NOT NULL DEFAULT 0;
ALTER TABLE subscription_term ADD COLUMN period_days integer NOT NULL DEFAULT 0;

-- How often money came to a reseller, and up to which time those who waited for it were served.
ALTER TABLE reseller
  ADD COLUMN funded bigint NOT NULL DEFAULT 0,
  ADD COLUMN served bigint NOT NULL DEFAULT 0;

-- When the gateway was asked for the money last. NULL: when the attempt began.
ALTER TABLE payment_attempt ADD COLUMN sent_at timestamptz;

-- The event that suspended a subscription is kept as long as it is suspended.
CREATE INDEX subscription_by_suspension ON subscription (suspended_by) WHERE suspended_by <> '';
