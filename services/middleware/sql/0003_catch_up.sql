-- Where the archive of a channel lies: '' on our edges, else an address with placeholders or what
-- goes behind the live address. The release before ignores it.
ALTER TABLE channel ADD COLUMN catch_up_source text NOT NULL DEFAULT '';
