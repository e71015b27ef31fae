-- Terms of a plan: all that is about money and time. tariff_plan holds those of today; each version
-- that was ever sold is kept, and a subscription names its own.
ALTER TABLE tariff_plan
  ADD COLUMN version       integer NOT NULL DEFAULT 1,
  -- period_days counts these.
  ADD COLUMN period_unit   text NOT NULL DEFAULT 'days'
    CHECK (period_unit IN ('days', 'months', 'years')),
  ADD COLUMN alignment     text NOT NULL DEFAULT 'anniversary'
    CHECK (alignment IN ('anniversary', 'calendar')),
  ADD COLUMN trial_days    integer NOT NULL DEFAULT 0,
  ADD COLUMN prices        text[] NOT NULL DEFAULT '{}',  -- 'EUR 990 20500': days since 1970-01-01
  ADD COLUMN setup_fees    text[] NOT NULL DEFAULT '{}',  -- 'EUR 500'
  ADD COLUMN add_on        boolean NOT NULL DEFAULT false,
  ADD COLUMN allowed_bases text[] NOT NULL DEFAULT '{}';

CREATE TABLE tariff_plan_version (
  tariff_plan_id    text NOT NULL REFERENCES tariff_plan,
  version           integer NOT NULL,
  price_minor_units bigint NOT NULL,
  price_currency    text NOT NULL,
  period_days       integer NOT NULL,
  period_unit       text NOT NULL,
  alignment         text NOT NULL,
  trial_days        integer NOT NULL,
  grace_days        integer NOT NULL,
  prices            text[] NOT NULL,
  setup_fees        text[] NOT NULL,
  PRIMARY KEY (tariff_plan_id, version)
);
INSERT INTO tariff_plan_version
  SELECT tariff_plan_id, version, price_minor_units, price_currency, period_days, period_unit,
         alignment, trial_days, grace_days, prices, setup_fees FROM tariff_plan;

CREATE TABLE tax_rate (
  region            text NOT NULL,
  valid_from        date NOT NULL,
  name              text NOT NULL,
  parts_per_million integer NOT NULL CHECK (parts_per_million BETWEEN 0 AND 1000000),
  inclusive         boolean NOT NULL,
  PRIMARY KEY (region, valid_from)
);

ALTER TABLE account
  ADD COLUMN charging     text NOT NULL DEFAULT 'elsewhere'
    CHECK (charging IN ('elsewhere', 'prepaid', 'postpaid')),
  ADD COLUMN currency     text NOT NULL DEFAULT '',
  ADD COLUMN region       text NOT NULL DEFAULT '',
  ADD COLUMN payment_days integer NOT NULL DEFAULT 14,
  ADD COLUMN reseller_id  text NOT NULL DEFAULT '';

ALTER TABLE subscription
  ADD COLUMN plan_version         integer NOT NULL DEFAULT 1,
  ADD COLUMN charging             text NOT NULL DEFAULT 'elsewhere'
    CHECK (charging IN ('elsewhere', 'prepaid', 'postpaid')),
  ADD COLUMN currency             text NOT NULL DEFAULT '',
  ADD COLUMN anchor               date,
  ADD COLUMN base_subscription_id text REFERENCES subscription,
  ADD COLUMN paused_on            date,
  ADD COLUMN cancel_on            date,
  ADD COLUMN change_plan_id       text REFERENCES tariff_plan,
  ADD COLUMN change_on            date,
  ADD COLUMN retry_on             date,
  ADD COLUMN suspended_by         text NOT NULL DEFAULT '',
  DROP CONSTRAINT subscription_state_check,
  ADD CONSTRAINT subscription_state_check
    CHECK (state IN ('active', 'grace', 'suspended', 'cancelled', 'expired', 'pending_activation',
                     'trialing', 'paused')),
  ADD CHECK ((state = 'paused') = (paused_on IS NOT NULL)),
  ADD CHECK (change_on IS NULL OR change_plan_id IS NOT NULL);
CREATE INDEX subscription_by_step ON subscription (valid_until)
  WHERE state IN ('active', 'grace', 'suspended', 'pending_activation', 'trialing');
CREATE INDEX subscription_by_cancel_day ON subscription (cancel_on)
  WHERE cancel_on IS NOT NULL AND state NOT IN ('cancelled', 'expired');
CREATE INDEX subscription_by_change_day ON subscription (change_on)
  WHERE change_on IS NOT NULL AND state NOT IN ('cancelled', 'expired');
CREATE INDEX subscription_by_base ON subscription (base_subscription_id)
  WHERE base_subscription_id IS NOT NULL;
