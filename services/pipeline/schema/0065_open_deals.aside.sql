-- Most deals are over, and most lists and counts are of those that are not. With the owner in it, who sees few of them walks past
-- the others without looking at their rows.
CREATE INDEX CONCURRENTLY IF NOT EXISTS deals_open ON pipeline.deals (org_id, expected_close_date, id) INCLUDE (owner_id)
    WHERE outcome = 'OPEN' AND delete_time IS NULL;
