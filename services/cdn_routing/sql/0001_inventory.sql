-- What an operator says about the CDNs. Small: thousands of rows at most; instances read it whole
-- whenever the revision moves.

CREATE TABLE cdn (
  cdn_id         text PRIMARY KEY,
  name           text NOT NULL,
  signing_key_id text NOT NULL  -- empty: links are not signed
);

CREATE TABLE site (
  site_id text PRIMARY KEY,
  cdn_id  text NOT NULL REFERENCES cdn,
  zone    text NOT NULL,
  name    text NOT NULL
);

CREATE TABLE edge (
  edge_id        text PRIMARY KEY,
  site_id        text NOT NULL REFERENCES site,
  zone           text NOT NULL,  -- empty: the site's
  base_url       text NOT NULL,
  weight         integer NOT NULL CHECK (weight BETWEEN 1 AND 1000),
  signing_key_id text NOT NULL,  -- empty: the CDN's
  probe_url      text NOT NULL,  -- empty: base_url + /health
  draining       boolean NOT NULL DEFAULT false
);

-- One row. Every change takes it, so that changes commit in the order of their revisions.
CREATE TABLE inventory_revision (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);

INSERT INTO inventory_revision (revision) VALUES (0);
