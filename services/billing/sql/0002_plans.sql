CREATE TABLE package (
  package_id text PRIMARY KEY,
  name       text NOT NULL
);

CREATE TABLE tariff_plan (
  tariff_plan_id    text PRIMARY KEY,
  name              text NOT NULL,
  price_minor_units bigint NOT NULL,
  price_currency    text NOT NULL,
  period_days       integer NOT NULL,    -- 0: open-ended
  max_streams       integer NOT NULL,    -- 0: unlimited
  max_devices       integer NOT NULL,    -- 0: unlimited
  grace_days        integer NOT NULL
);

CREATE TABLE tariff_plan_package (
  tariff_plan_id text NOT NULL REFERENCES tariff_plan,
  package_id     text NOT NULL REFERENCES package,
  PRIMARY KEY (tariff_plan_id, package_id)
);
