-- Which tenants have jobs to be announced, and the oldest of each. Run by rangka_owner.

CREATE INDEX jobs_to_announce ON jobs (tenant_id, run_at)
    WHERE state = 'waiting' AND announced_at IS NULL;
