-- Since when a channel is kept on our edges, so that nobody is offered what was never recorded. 0: not
-- known, as for everything that was there before. The release before ignores it.
ALTER TABLE channel ADD COLUMN catch_up_since bigint NOT NULL DEFAULT 0;
