-- One session per box, a bound on the boxes of an account, and what viewers set up on their box. The
-- release before ignores all of it.
ALTER TABLE device
  -- Portal tokens made before (epoch seconds) are of an older session of the box.
  ADD COLUMN session_since bigint NOT NULL DEFAULT 0,
  -- Since when it is of its account: the oldest gives way when the account is full.
  ADD COLUMN bound_at timestamptz NOT NULL DEFAULT now(),
  -- A serialized holdfast.middleware.v1.BoxSettings; each setting has its own time.
  ADD COLUMN settings bytea NOT NULL DEFAULT '';
UPDATE device SET bound_at = registered_at;
