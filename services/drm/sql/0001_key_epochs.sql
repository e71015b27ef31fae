-- Key epochs. A row is never deleted: recordings need the keys of their time.
CREATE TABLE key_epoch (
  epoch_id    bigint PRIMARY KEY CHECK (epoch_id > 0),
  valid_from  timestamptz NOT NULL UNIQUE,
  kek_id      text NOT NULL,
  wrapped_key bytea NOT NULL CHECK (octet_length(wrapped_key) = 40),
  command_id  text UNIQUE,
  created_at  timestamptz NOT NULL DEFAULT now()
);
