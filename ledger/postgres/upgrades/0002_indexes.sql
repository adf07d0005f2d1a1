-- The queue goes by rank, and jobs are found by what they belong to.
-- concurrently

create index concurrently if not exists queue_by_rank on ledger.queue (namespace, name, priority desc, rank) where run_at is null;

drop index concurrently if exists ledger.queue_ready;

create index concurrently if not exists jobs_by_parent on ledger.jobs (parent) where parent is not null;

create index concurrently if not exists jobs_by_retry_of on ledger.jobs (retry_of) where retry_of is not null;

create index concurrently if not exists jobs_by_correlation on ledger.jobs (correlation_id) where correlation_id is not null;

create index concurrently if not exists jobs_by_labels on ledger.jobs using gin (labels jsonb_path_ops) where labels is not null;
