-- What operators set and every instance holds in memory (messages to boxes, films, radio stations):
-- serialized messages by topic and key, followed by revision like the lineup. The release before
-- ignores all of it.
CREATE TABLE item (
  topic    text NOT NULL,
  item_key text NOT NULL,
  content  bytea,             -- NULL: removed; stays so that instances hear of it
  revision bigint NOT NULL,
  PRIMARY KEY (topic, item_key)
);
CREATE INDEX item_by_revision ON item (topic, revision);
CREATE SEQUENCE item_id;
INSERT INTO change_counter (topic)
VALUES ('box_event'), ('catalogue'), ('catalogue_id'), ('event_receipt');

-- Which box is done with which event.
CREATE TABLE event_receipt (
  event_id bigint NOT NULL,
  mac      text NOT NULL,
  at_ms    bigint NOT NULL,
  revision bigint NOT NULL,
  PRIMARY KEY (event_id, mac)
);
CREATE INDEX event_receipt_by_revision ON event_receipt (revision);

-- What belongs to one viewer: resume points, history, favourite films, reminders. The write with the
-- later device time (then sequence) stays, so writes may come late and twice.
CREATE TABLE viewer_item (
  viewer   text NOT NULL,              -- the account, or the box that has none
  kind     smallint NOT NULL,          -- domain/viewer_item.h
  item_key text NOT NULL,
  content  bytea,                      -- NULL: removed
  at_ms    bigint NOT NULL,            -- device time
  sequence bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (viewer, kind, item_key)
);
CREATE INDEX viewer_item_newest ON viewer_item (viewer, kind, at_ms DESC);
