-- Who changed what, and the answers to requests that carried an idempotency key. The release before
-- ignores both.

-- Written before the change it tells of: nothing is changed that does not stand here.
CREATE TABLE audit_entry (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_ms    bigint NOT NULL,
  actor    text NOT NULL,
  address  text NOT NULL,
  action   text NOT NULL,
  object   text NOT NULL,
  request  text NOT NULL
);
CREATE INDEX audit_entry_by_time ON audit_entry (at_ms);
CREATE INDEX audit_entry_by_actor ON audit_entry (actor, entry_id);
CREATE INDEX audit_entry_by_object ON audit_entry (object, entry_id);

-- How it ended. No row: the instance died before it could tell.
CREATE TABLE audit_outcome (
  entry_id bigint PRIMARY KEY REFERENCES audit_entry,
  outcome  text NOT NULL
);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER audit_entry_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_outcome_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_outcome
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- One row for each key that an operator sent. Without a status the request is under way.
CREATE TABLE admin_answer (
  operator     text NOT NULL,
  key          text NOT NULL,
  request_hash text NOT NULL,
  begun_at_ms  bigint NOT NULL,
  status       integer,
  body         text NOT NULL DEFAULT '',
  PRIMARY KEY (operator, key)
);
CREATE INDEX admin_answer_by_age ON admin_answer (begun_at_ms);
