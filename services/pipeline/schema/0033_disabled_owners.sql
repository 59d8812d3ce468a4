-- When a deal is open, and so not given to a disabled user: see app.guard_disabled.
SELECT app.guard_disabled('pipeline.deals', $$NEW.outcome = 'OPEN'$$);
