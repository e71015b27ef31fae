-- A refund that was sent and came back: its money is the wallet's again. An older release sees one
-- that was refused, which says the same of the money.
ALTER TABLE refund ADD COLUMN bounced boolean NOT NULL DEFAULT false,
  ADD CHECK (NOT bounced OR state = 'refused');
