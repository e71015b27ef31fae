-- What an operator's other systems are told by webhooks: written in the transaction of what
-- happened, sent afterwards until it was taken.
CREATE TABLE event (
  event_id     text PRIMARY KEY,
  kind         text NOT NULL,
  account_id   text NOT NULL,
  body         text NOT NULL,              -- JSON
  created_at   timestamptz NOT NULL DEFAULT now(),
  tries        integer NOT NULL DEFAULT 0,
  try_at       timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz,
  given_up_at  timestamptz
);
CREATE INDEX event_to_send ON event (try_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX event_by_age ON event (created_at);

-- Reminders of unpaid invoices: each step once.
CREATE TABLE dunning_notice (
  invoice_id text NOT NULL REFERENCES invoice,
  step       integer NOT NULL,
  sent_on    date NOT NULL,
  PRIMARY KEY (invoice_id, step)
);
