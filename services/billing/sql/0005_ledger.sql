-- Double entry. Nobody writes balances: inserting transfers moves them (ledger_apply), and the
-- constraints refuse what must not be. domain/ledger.h says what the columns mean.
CREATE TABLE ledger_account (
  ledger_account_id text PRIMARY KEY,
  kind              text NOT NULL CHECK (kind IN ('wallet', 'receivable', 'reseller', 'revenue',
                                                  'tax', 'clearing', 'voucher', 'promotion')),
  owner             text NOT NULL,
  currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  overdraft         bigint CHECK (overdraft >= 0),      -- NULL: without limit
  debits_posted     bigint NOT NULL DEFAULT 0 CHECK (debits_posted >= 0),
  credits_posted    bigint NOT NULL DEFAULT 0 CHECK (credits_posted >= 0),
  debits_pending    bigint NOT NULL DEFAULT 0 CHECK (debits_pending >= 0),
  credits_pending   bigint NOT NULL DEFAULT 0 CHECK (credits_pending >= 0),
  UNIQUE (ledger_account_id, currency),
  CHECK (ledger_account_id = kind || '/' || owner || '/' || currency),
  CHECK (kind <> 'wallet' OR overdraft IS NOT DISTINCT FROM 0),
  CHECK (kind <> 'reseller' OR overdraft IS NOT NULL),
  CONSTRAINT ledger_limit
    CHECK (overdraft IS NULL OR credits_posted + overdraft >= debits_posted + debits_pending)
);
CREATE INDEX ledger_account_by_owner ON ledger_account (owner, ledger_account_id);

-- Positions have no gap and become visible in their order: a writer takes them with an UPDATE that
-- keeps the row locked until the commit. So a reader that has seen N has seen everything up to N,
-- and a transfer that was removed leaves a hole.
CREATE TABLE ledger_counter (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  position bigint NOT NULL
);
INSERT INTO ledger_counter (position) VALUES (0);

CREATE TABLE ledger_transfer (
  position       bigint PRIMARY KEY,
  transfer_id    text NOT NULL UNIQUE,
  entry_id       text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('posted', 'pending', 'post', 'void', 'expire')),
  currency       text NOT NULL,
  debit_account  text NOT NULL,
  credit_account text NOT NULL,
  amount         bigint NOT NULL CHECK (amount > 0),
  resolves       text UNIQUE,
  released       bigint NOT NULL DEFAULT 0,
  reverses       text UNIQUE,
  reversed_kind  text CHECK (reversed_kind IN ('posted', 'post')),
  expires_at     timestamptz,
  reason         text NOT NULL,
  created_at     timestamptz NOT NULL,
  resolved_kind  text GENERATED ALWAYS AS (CASE WHEN resolves IS NOT NULL THEN 'pending' END) STORED,
  CHECK (debit_account <> credit_account),
  CHECK ((resolves IS NOT NULL) = (kind IN ('post', 'void', 'expire'))),
  CHECK (CASE WHEN resolves IS NULL THEN released = 0
              WHEN kind = 'post' THEN amount <= released
              ELSE amount = released END),
  CHECK (reverses IS NULL OR (kind = 'posted' AND reversed_kind IS NOT NULL)),
  CHECK (expires_at IS NULL OR kind = 'pending'),
  UNIQUE (transfer_id, debit_account, credit_account, amount, kind),
  -- Both accounts are of the transfer's currency.
  FOREIGN KEY (debit_account, currency) REFERENCES ledger_account (ledger_account_id, currency),
  FOREIGN KEY (credit_account, currency) REFERENCES ledger_account (ledger_account_id, currency),
  -- What is resolved is pending, between the same accounts, of the amount released.
  FOREIGN KEY (resolves, debit_account, credit_account, released, resolved_kind)
    REFERENCES ledger_transfer (transfer_id, debit_account, credit_account, amount, kind),
  -- What is reversed moved the same amount the other way.
  FOREIGN KEY (reverses, credit_account, debit_account, amount, reversed_kind)
    REFERENCES ledger_transfer (transfer_id, debit_account, credit_account, amount, kind)
);
CREATE INDEX ledger_transfer_by_entry ON ledger_transfer (entry_id);
CREATE INDEX ledger_transfer_by_debit ON ledger_transfer (debit_account, position);
CREATE INDEX ledger_transfer_by_credit ON ledger_transfer (credit_account, position);
CREATE INDEX ledger_transfer_by_expiry ON ledger_transfer (expires_at)
  WHERE expires_at IS NOT NULL;

-- What each transfer does to each of its two accounts.
CREATE VIEW ledger_posting AS
  SELECT t.position, t.debit_account AS ledger_account_id,
         CASE WHEN t.kind IN ('posted', 'post') THEN t.amount ELSE 0 END AS debit_posted,
         0::bigint AS credit_posted,
         CASE WHEN t.kind = 'pending' THEN t.amount ELSE -t.released END AS debit_pending,
         0::bigint AS credit_pending
    FROM ledger_transfer t
  UNION ALL
  SELECT t.position, t.credit_account, 0,
         CASE WHEN t.kind IN ('posted', 'post') THEN t.amount ELSE 0 END,
         0, CASE WHEN t.kind = 'pending' THEN t.amount ELSE -t.released END
    FROM ledger_transfer t;

CREATE FUNCTION ledger_apply() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ledger_account a
     SET debits_posted = a.debits_posted + d.debit_posted,
         credits_posted = a.credits_posted + d.credit_posted,
         debits_pending = a.debits_pending + d.debit_pending,
         credits_pending = a.credits_pending + d.credit_pending
    FROM (SELECT p.ledger_account_id, sum(p.debit_posted) AS debit_posted,
                 sum(p.credit_posted) AS credit_posted, sum(p.debit_pending) AS debit_pending,
                 sum(p.credit_pending) AS credit_pending
            FROM (SELECT n.debit_account AS ledger_account_id,
                         CASE WHEN n.kind IN ('posted', 'post') THEN n.amount ELSE 0 END
                           AS debit_posted,
                         0 AS credit_posted,
                         CASE WHEN n.kind = 'pending' THEN n.amount ELSE -n.released END
                           AS debit_pending,
                         0 AS credit_pending
                    FROM added n
                  UNION ALL
                  SELECT n.credit_account, 0,
                         CASE WHEN n.kind IN ('posted', 'post') THEN n.amount ELSE 0 END,
                         0, CASE WHEN n.kind = 'pending' THEN n.amount ELSE -n.released END
                    FROM added n) p
           GROUP BY p.ledger_account_id) d
   WHERE a.ledger_account_id = d.ledger_account_id;
  RETURN NULL;
END $$;
CREATE TRIGGER ledger_transfer_moves_balances AFTER INSERT ON ledger_transfer
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_apply();

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'transfers are never changed: reverse them' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_transfer_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
