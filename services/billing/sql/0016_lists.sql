-- Lists over all accounts, the newest first, page by page.
CREATE INDEX subscription_by_start ON subscription (started_at, subscription_id);
CREATE INDEX payment_by_time ON payment (created_at, payment_id);
CREATE INDEX payment_attempt_by_time ON payment_attempt (created_at, attempt_id);
CREATE INDEX credit_note_by_day ON credit_note (issued_on, credit_note_id);
CREATE INDEX credit_note_by_account ON credit_note (account_id, issued_on);
CREATE INDEX voucher_by_account ON voucher (redeemed_by, code_hash) WHERE redeemed_by IS NOT NULL;
CREATE INDEX event_by_time ON event (created_at, event_id);
DROP INDEX event_by_age;

-- What the account's resellers, up to the operator, count.
CREATE INDEX reseller_by_parent ON reseller (parent_id) WHERE parent_id IS NOT NULL;

-- An account's last subscription, for one that has none any more.
CREATE INDEX subscription_that_ended ON subscription (account_id, started_at)
  WHERE state IN ('cancelled', 'expired');

CREATE INDEX audit_log_by_caller ON audit_log (caller, position);
