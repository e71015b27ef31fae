-- An invoice that was made in error: taken back whole by credit notes before anything of it was paid.
ALTER TABLE invoice ADD COLUMN voided boolean NOT NULL DEFAULT false,
  ADD CHECK (NOT voided OR (settled = 0 AND returned = 0 AND credited = net + tax));
