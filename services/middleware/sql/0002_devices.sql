-- Devices, and what their viewers change from the box.
CREATE TABLE device (
  mac                text PRIMARY KEY,
  device_id          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  account_id         text,                        -- NULL: of no account
  generation         integer NOT NULL DEFAULT 0,  -- portal tokens of a smaller one are revoked
  chosen_token_hash  text NOT NULL DEFAULT '',    -- SHA-256 of a token the client made up
  started            boolean NOT NULL DEFAULT false,
  hardware_id        text NOT NULL DEFAULT '',
  model              text NOT NULL DEFAULT '',
  favourites         bigint[] NOT NULL DEFAULT '{}',
  favourites_at_ms   bigint NOT NULL DEFAULT 0,   -- the last writer wins
  last_channel       bigint NOT NULL DEFAULT 0,
  last_channel_at_ms bigint NOT NULL DEFAULT 0,
  registered_at      timestamptz NOT NULL DEFAULT now(),
  revision           bigint NOT NULL
);
CREATE INDEX device_by_revision ON device (revision);
CREATE INDEX device_by_account ON device (account_id, mac);
