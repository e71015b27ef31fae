-- Who changed what: written in the transaction of the change, never changed.
CREATE TABLE audit_log (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at       timestamptz NOT NULL DEFAULT now(),
  caller   text NOT NULL,   -- of its certificate; empty: without certificates
  method   text NOT NULL,
  subject  text NOT NULL,   -- the id that it was about; empty: none
  request  text NOT NULL,   -- JSON, without passwords
  idempotency_key text NOT NULL
);
CREATE INDEX audit_log_by_subject ON audit_log (subject, position);

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_log_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
