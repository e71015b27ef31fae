CREATE TABLE voucher_batch (
  batch_id       text PRIMARY KEY,
  currency       text NOT NULL,
  value          bigint NOT NULL CHECK (value > 0),
  tariff_plan_id text REFERENCES tariff_plan,
  expires_on     date NOT NULL,
  cancelled      boolean NOT NULL DEFAULT false
);

CREATE TABLE voucher (
  code_hash   text PRIMARY KEY,
  batch_id    text NOT NULL REFERENCES voucher_batch,
  redeemed_by text REFERENCES account,
  redeemed_at timestamptz,
  CHECK ((redeemed_by IS NULL) = (redeemed_at IS NULL))
);
CREATE INDEX voucher_by_batch ON voucher (batch_id);

CREATE TABLE reseller (
  reseller_id  text PRIMARY KEY,
  name         text NOT NULL,
  parent_id    text REFERENCES reseller,    -- NULL: the operator
  currency     text NOT NULL,
  credit       bigint NOT NULL CHECK (credit >= 0),
  max_accounts integer NOT NULL              -- 0: unlimited
);
CREATE INDEX account_by_reseller ON account (reseller_id) WHERE reseller_id <> '';
