-- Where guides come from. Golden: an operator typed it.
CREATE TABLE guide_source (
  name            text PRIMARY KEY,
  uri             text NOT NULL,
  default_zone    text NOT NULL,
  languages       text[] NOT NULL,
  shift_minutes   integer NOT NULL,
  disabled        boolean NOT NULL,
  last_import_at  timestamptz,
  last_programmes integer NOT NULL DEFAULT 0,
  last_digest     text NOT NULL DEFAULT '',
  last_error      text NOT NULL DEFAULT ''
);

-- The guide itself, one row per channel and UTC day. Rebuildable from the sources.
-- page: a serialized holdfast.epg.v1.GuideDay; NULL: the day was removed (kept for followers).
CREATE TABLE guide_page (
  channel  text NOT NULL,
  day      text NOT NULL,
  page     bytea,
  revision bigint NOT NULL,
  PRIMARY KEY (channel, day)
);
CREATE INDEX guide_page_by_revision ON guide_page (revision);

-- One row. Its lock is held until the writer commits, so revisions become visible in order.
CREATE TABLE guide_revision (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);
INSERT INTO guide_revision (revision) VALUES (0);
