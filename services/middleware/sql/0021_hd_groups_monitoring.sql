-- Which channels are HD, groups beside the first one, and what the operator's monitoring says. The release
-- before ignores all of it.
ALTER TABLE channel
  ADD COLUMN hd boolean NOT NULL DEFAULT false,
  ADD COLUMN other_genre_ids bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN down boolean NOT NULL DEFAULT false,
  ADD COLUMN monitoring_changed_at bigint NOT NULL DEFAULT 0;  -- epoch seconds; 0: never down

-- As an import of the same names would have it from now on; every instance reads the lineup again.
UPDATE channel SET hd = true WHERE name ~* '[-_ (\[|](HD|FHD|UHD|4K)[])]*$';
UPDATE change_counter SET revision = revision + 1
 WHERE topic = 'lineup' AND EXISTS (SELECT FROM channel WHERE hd);
