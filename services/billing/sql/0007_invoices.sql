CREATE TABLE invoice_counter (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  number   bigint NOT NULL
);
INSERT INTO invoice_counter (number) VALUES (0);

CREATE TABLE invoice (
  invoice_id        text PRIMARY KEY,
  account_id        text NOT NULL REFERENCES account,
  currency          text NOT NULL,
  tax_region        text NOT NULL,
  tax_name          text NOT NULL,
  tax_ppm           integer NOT NULL,
  tax_inclusive     boolean NOT NULL,
  net               bigint NOT NULL CHECK (net >= 0),
  tax               bigint NOT NULL CHECK (tax >= 0),
  settled           bigint NOT NULL CHECK (settled >= 0),
  credited          bigint NOT NULL CHECK (credited >= 0),
  returned          bigint NOT NULL CHECK (returned BETWEEN 0 AND settled),
  issued_on         date NOT NULL,
  due_on            date NOT NULL,
  number            bigint UNIQUE,          -- given with the commit, without gaps
  settlements       integer NOT NULL DEFAULT 0,
  CONSTRAINT never_asks_twice CHECK (credited <= net + tax),
  CONSTRAINT never_takes_too_much CHECK (net + tax - credited - settled + returned >= 0)
);
CREATE INDEX invoice_by_account ON invoice (account_id, number);
CREATE INDEX invoice_that_is_open ON invoice (account_id, due_on)
  WHERE net + tax - credited - settled + returned > 0;
CREATE INDEX invoice_that_is_due ON invoice (due_on)
  WHERE net + tax - credited - settled + returned > 0;

CREATE TABLE invoice_line (
  invoice_id      text NOT NULL REFERENCES invoice,
  line            integer NOT NULL,
  text            text NOT NULL,
  tariff_plan_id  text NOT NULL,           -- what earns it
  subscription_id text NOT NULL,           -- empty: none
  from_day        date,                    -- NULL: not for days
  to_day          date,
  quoted          bigint NOT NULL,
  net             bigint NOT NULL,
  tax             bigint NOT NULL,
  PRIMARY KEY (invoice_id, line)
);

CREATE TABLE credit_note (
  credit_note_id text PRIMARY KEY,
  invoice_id     text NOT NULL REFERENCES invoice,
  account_id     text NOT NULL REFERENCES account,
  reason         text NOT NULL,
  to_wallet      bigint NOT NULL CHECK (to_wallet >= 0),
  issued_on      date NOT NULL
);
CREATE INDEX credit_note_by_invoice ON credit_note (invoice_id);

CREATE TABLE credit_note_line (
  credit_note_id text NOT NULL REFERENCES credit_note,
  line           integer NOT NULL,         -- of the invoice
  net            bigint NOT NULL,
  tax            bigint NOT NULL,
  PRIMARY KEY (credit_note_id, line)
);

-- What was charged for: a day of a subscription is charged once, whoever tries it how often.
CREATE TABLE subscription_term (
  subscription_id text NOT NULL REFERENCES subscription,
  from_day        date NOT NULL,
  to_day          date NOT NULL,
  invoice_id      text REFERENCES invoice,  -- NULL: it cost nothing
  void            boolean NOT NULL DEFAULT false,
  CHECK (from_day < to_day OR void)
);
CREATE UNIQUE INDEX one_charge_per_start ON subscription_term (subscription_id, from_day)
  WHERE NOT void;
CREATE UNIQUE INDEX one_charge_per_end ON subscription_term (subscription_id, to_day)
  WHERE NOT void;

CREATE TABLE payment (
  payment_id text PRIMARY KEY,
  account_id text NOT NULL REFERENCES account,
  currency   text NOT NULL,
  amount     bigint NOT NULL CHECK (amount > 0),
  method     text NOT NULL,
  reference  text NOT NULL,                -- the payer's or gateway's; empty: none
  refunded   bigint NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
  refunds    integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX payment_once_per_reference ON payment (method, reference)
  WHERE reference <> '';
CREATE INDEX payment_by_account ON payment (account_id, created_at);
