-- Logins of apps that billing confirmed, so that every instance lets them in while billing is away.
-- A tag is a keyed hash of login and password; the key is not in this database.
CREATE TABLE app_login (
  account_id  text PRIMARY KEY,
  tag         text NOT NULL,               -- hex; '': billing refused it since
  key_id      text NOT NULL,
  first_at    bigint NOT NULL,             -- epoch seconds
  verified_at bigint NOT NULL,             -- epoch seconds; the later one wins
  revision    bigint NOT NULL
);
CREATE INDEX app_login_by_revision ON app_login (revision);
INSERT INTO change_counter (topic) VALUES ('app_login');
