-- Imports are operations, also those that were begun before there were any.
UPDATE app.jobs SET operation = true WHERE kind = 'import';
