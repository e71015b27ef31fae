-- What the account's wallet does not hold is taken from its reseller's.
ALTER TABLE account
  ADD COLUMN reseller_pays boolean NOT NULL DEFAULT false,
  ADD CHECK (NOT reseller_pays OR (reseller_id <> '' AND charging = 'prepaid'));

-- What the payer's bank took back.
ALTER TABLE payment
  ADD COLUMN charged_back bigint NOT NULL DEFAULT 0 CHECK (charged_back >= 0),
  ADD COLUMN chargebacks  integer NOT NULL DEFAULT 0,
  ADD CHECK (refunded + charged_back <= amount);
