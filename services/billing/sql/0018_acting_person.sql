-- For whom the caller of a command acted, as it said; empty: by itself.
ALTER TABLE audit_log ADD COLUMN person text NOT NULL DEFAULT '';
CREATE INDEX audit_log_by_person ON audit_log (person, position) WHERE person <> '';
