-- Commands that were carried out, with what was answered: written in the transaction of their
-- effect, so a command is either done and known or neither.
CREATE TABLE command (
  idempotency_key text PRIMARY KEY,
  fingerprint     text NOT NULL,
  answer          bytea NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX command_by_age ON command (created_at);

-- The outbox: which account's entitlement changed. A writer takes its revisions with an UPDATE of
-- the counter as the last thing it does; the row stays locked until the commit, so revisions become
-- visible in their order and a reader that has seen N has seen everything up to N.
CREATE TABLE entitlement_counter (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);
INSERT INTO entitlement_counter (revision) VALUES (0);

CREATE TABLE entitlement_change (
  revision   bigint PRIMARY KEY,
  account_id text NOT NULL REFERENCES account,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX entitlement_change_by_age ON entitlement_change (created_at);
