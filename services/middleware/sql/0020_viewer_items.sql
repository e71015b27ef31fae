-- Removals of viewers' items are forgotten when they are old, and history is read in pages. The
-- release before goes on without either.
CREATE INDEX viewer_item_removed ON viewer_item (at_ms) WHERE content IS NULL;
