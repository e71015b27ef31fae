-- How an account pays without being asked: a token of the gateway's, never a card number.
CREATE TABLE payment_method (
  account_id text PRIMARY KEY REFERENCES account,
  source     text NOT NULL CHECK (source <> ''),
  collects   boolean NOT NULL              -- its due invoices are collected by themselves
);

-- Which attempt collects what is open of an invoice at a step of the schedule; 0: its due day.
CREATE TABLE invoice_collection (
  invoice_id text NOT NULL REFERENCES invoice,
  step       integer NOT NULL CHECK (step >= 0),
  attempt_id text NOT NULL REFERENCES payment_attempt,
  PRIMARY KEY (invoice_id, step)
);

CREATE INDEX payment_attempt_that_is_open ON payment_attempt (account_id)
  WHERE state IN ('started', 'pending');
