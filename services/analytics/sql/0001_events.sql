-- Ids of counted events, so that a repeated report counts once. `at` is part of the event, so an
-- event always has the same row. Rows go when no repetition can be expected any more.
CREATE TABLE counted_event (
  event_id text PRIMARY KEY,
  at       timestamptz NOT NULL
);
CREATE INDEX counted_event_by_time ON counted_event USING brin (at);

-- Sums per minute. No accounts and no devices: counts have no people in them.
CREATE TABLE channel_minute (
  minute     timestamptz NOT NULL,
  channel_id text NOT NULL,
  plays      bigint NOT NULL,
  stops      bigint NOT NULL,
  heartbeats bigint NOT NULL,
  errors     bigint NOT NULL,
  zaps       bigint NOT NULL,
  PRIMARY KEY (minute, channel_id)
);

CREATE TABLE edge_minute (
  minute     timestamptz NOT NULL,
  edge_id    text NOT NULL,
  plays      bigint NOT NULL,
  stops      bigint NOT NULL,
  heartbeats bigint NOT NULL,
  errors     bigint NOT NULL,
  zaps       bigint NOT NULL,
  PRIMARY KEY (minute, edge_id)
);

CREATE TABLE error_minute (
  minute timestamptz NOT NULL,
  error  text NOT NULL,
  count  bigint NOT NULL,
  PRIMARY KEY (minute, error)
);

-- Plays per hour: what popularity is computed from, every few seconds.
CREATE TABLE channel_hour (
  hour       timestamptz NOT NULL,
  channel_id text NOT NULL,
  plays      bigint NOT NULL,
  PRIMARY KEY (hour, channel_id)
);
