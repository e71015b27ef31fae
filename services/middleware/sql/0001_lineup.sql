-- Lineup and the counters by which instances follow the database.
--
-- A writer takes its revision with UPDATE change_counter ... RETURNING in its own transaction: the
-- row stays locked until the commit, so revisions of one topic become visible in their order and a
-- reader that has seen N has seen everything up to N.
CREATE TABLE change_counter (
  topic    text PRIMARY KEY,
  revision bigint NOT NULL DEFAULT 0
);
INSERT INTO change_counter (topic) VALUES ('lineup'), ('device');

-- Revisions compare only within one life of the database. Whoever restores a backup gives it a new
-- one (UPDATE database_life SET life = gen_random_uuid()), and every instance reads all of it again.
CREATE TABLE database_life (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  life     text NOT NULL DEFAULT gen_random_uuid()::text
);
INSERT INTO database_life DEFAULT VALUES;

CREATE TABLE genre (
  genre_id bigint PRIMARY KEY,
  title    text NOT NULL UNIQUE
);

CREATE TABLE channel (
  channel_id     bigint PRIMARY KEY,
  number         integer NOT NULL,
  name           text NOT NULL,
  guide_id       text NOT NULL DEFAULT '',
  logo           text NOT NULL DEFAULT '',
  genre_id       bigint NOT NULL REFERENCES genre,
  directory      text NOT NULL,
  package_id     text NOT NULL,
  encrypted      boolean NOT NULL DEFAULT false,
  adult          boolean NOT NULL DEFAULT false,
  catch_up_hours integer NOT NULL DEFAULT 0,
  modified_at    bigint NOT NULL,            -- epoch seconds
  removed        boolean NOT NULL DEFAULT false
);
