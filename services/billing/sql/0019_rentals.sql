-- Packages whose items are rented one by one, and the rentals.
ALTER TABLE package
  ADD COLUMN service_type text NOT NULL DEFAULT 'periodic'
    CHECK (service_type IN ('periodic', 'single')),
  ADD COLUMN rental_prices text[] NOT NULL DEFAULT '{}',   -- "EUR 300"
  ADD COLUMN rental_seconds bigint NOT NULL DEFAULT 0;

-- The revision of the model "packages". By trigger, so that a release that does not know it counts
-- too. Its row stays locked until the commit: revisions appear in their order.
CREATE TABLE package_counter (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL
);
INSERT INTO package_counter (revision) VALUES (1);
CREATE FUNCTION count_package_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE package_counter SET revision = revision + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER package_changed AFTER INSERT OR UPDATE OR DELETE ON package
  FOR EACH STATEMENT EXECUTE FUNCTION count_package_change();

CREATE TABLE rental (
  rental_id  text PRIMARY KEY,
  account_id text NOT NULL REFERENCES account,
  item_id    text NOT NULL,                 -- the caller's
  package_id text NOT NULL REFERENCES package,
  currency   text NOT NULL,
  price      bigint NOT NULL CHECK (price >= 0),    -- as quoted
  invoice_id text UNIQUE REFERENCES invoice,        -- NULL: it cost nothing
  begins_at  timestamptz NOT NULL,
  until      timestamptz NOT NULL CHECK (until > begins_at),
  over       boolean NOT NULL DEFAULT false,        -- the entitlement tells of it no more
  CHECK ((price = 0) = (invoice_id IS NULL))
);
-- Nobody pays twice for what runs.
CREATE UNIQUE INDEX rental_that_runs ON rental (account_id, item_id) WHERE NOT over;
CREATE INDEX rental_that_ends ON rental (until) WHERE NOT over;
CREATE INDEX rental_by_account ON rental (account_id, begins_at, rental_id);
CREATE INDEX rental_by_time ON rental (begins_at, rental_id);
