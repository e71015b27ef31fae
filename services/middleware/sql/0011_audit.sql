-- What operators and their scripts changed, one row for each command, in its order. Rows are only ever
-- added. The release before ignores it.
CREATE TABLE audit_entry (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at       timestamptz NOT NULL DEFAULT now(),
  actor    text NOT NULL,              -- whose credentials, or which service
  source   text NOT NULL,              -- 'oss', 'admin', 'grpc'
  action   text NOT NULL,              -- 'update accounts'
  subject  text NOT NULL DEFAULT '',   -- the ids that were named
  detail   text NOT NULL DEFAULT '',   -- names of the fields that were sent; never their values
  outcome  text NOT NULL               -- 'ok', or the error
);

CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit entries are only ever added';
END
$$;
CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
