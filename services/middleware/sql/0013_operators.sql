-- Who changed what, and the answers to requests that carried an idempotency key. The release before
-- ignores both.

-- Written before the change it tells of: nothing is changed that does not stand here.
CREATE TABLE operator_change (
  entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_ms    bigint NOT NULL,
  actor    text NOT NULL,
  address  text NOT NULL,
  action   text NOT NULL,
  object   text NOT NULL,
  request  text NOT NULL
);
CREATE INDEX operator_change_by_time ON operator_change (at_ms);
CREATE INDEX operator_change_by_actor ON operator_change (actor, entry_id);
CREATE INDEX operator_change_by_object ON operator_change (object, entry_id);

-- How it ended. No row: the instance died before it could tell.
CREATE TABLE operator_change_outcome (
  entry_id bigint PRIMARY KEY REFERENCES operator_change,
  outcome  text NOT NULL
);

CREATE FUNCTION refuse_change_of_operators_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER operator_change_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_change
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_operators_log();
CREATE TRIGGER operator_change_outcome_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON operator_change_outcome
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_operators_log();

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
