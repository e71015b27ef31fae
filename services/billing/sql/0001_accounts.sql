CREATE TABLE account (
  account_id     text PRIMARY KEY,
  login          text UNIQUE,            -- NULL: nobody can log in
  password_hash  text NOT NULL DEFAULT '',
  account_number text NOT NULL,
  full_name      text NOT NULL DEFAULT '',
  phone          text NOT NULL DEFAULT '',
  state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
  created_at     timestamptz NOT NULL,
  -- Of the last change of what the account may watch; see entitlement_change.
  entitlement_revision bigint NOT NULL DEFAULT 0
);
CREATE INDEX account_by_number ON account (account_number);
CREATE INDEX account_by_phone ON account (phone);
CREATE INDEX account_by_name ON account (lower(full_name) text_pattern_ops);
