-- In which encoding a file was read. The columns are named wherever imports are read, so the previous version goes on.
ALTER TABLE activities.imports ADD COLUMN encoding text NOT NULL DEFAULT '';
