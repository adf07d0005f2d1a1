-- What comes next has its place in the tables.
-- oldest code: 1
-- locks: ledger.schema_version, ledger.events, ledger.queue, ledger.jobs, ledger.leader

alter table ledger.schema_version add column oldest_code integer, add column unfinished jsonb not null default '{}';
update ledger.schema_version set oldest_code = version;
alter table ledger.schema_version
    alter oldest_code set not null, add constraint code_is_not_newer_than_its_schema check (oldest_code <= version);
comment on table ledger.schema_version is 'Which versions of this file were installed, and when.';
comment on column ledger.schema_version.oldest_code is
    'Code that was made for this version of the schema, or for a later one, may still use it: older code has to be upgraded first.';
comment on column ledger.schema_version.unfinished is 'What is left to do of it beside the ledger at work, each with how far it is.';

alter table ledger.events add column position integer;
comment on column ledger.events.position is
    'Tells the order in which one transaction wrote its events; there may be gaps. Null: from before version 2, which did not say.';

alter table ledger.queue add column reason text, add column rank bigint;
comment on table ledger.queue is 'The pending jobs. run_at null: may start now; otherwise not before then, and infinity: until something else wakes it.';
comment on column ledger.queue.reason is
    'Why it does not start yet; null where run_at is. An open list: due, retrying, paused, limit, order, children, signal, role, files.
     (Nothing here says that no processor has a handler for it: that changes with every processor that comes or goes.)';
comment on column ledger.queue.rank is 'Among jobs of one priority, the lowest is claimed first. Today it equals seq.';

alter table ledger.jobs
    add column parent uuid, add column retry_of uuid, add column correlation_id uuid, add column labels jsonb;
alter table ledger.jobs
    alter parent set statistics 0, alter retry_of set statistics 0, alter correlation_id set statistics 0, alter labels set statistics 0;
comment on column ledger.jobs.parent is 'The job that has asked for this one.';
comment on column ledger.jobs.retry_of is 'The job that this one repeats.';
comment on column ledger.jobs.correlation_id is 'What its request belongs to, as its author says.';
comment on column ledger.jobs.labels is 'As the request gave them; null: none.';

alter table ledger.leader add column failing json not null default '{}';
comment on table ledger.leader is
    'Which processor has the common duties. Renewed each second from where they are done; unlogged, so that no commit waits for the
     disk, and empty after a crash, when nobody leads either.';
comment on column ledger.leader.failing is 'Its duties that fail now: for each its name, how often in a row, since when, and the last error.';

comment on table ledger.lives is 'The epochs of this database; the one with the highest number (life) is the current one. epoch: its UUID.';
comment on table ledger.counts is 'How many jobs are in each state, without the changes in ledger.tally; no row means none. See ledger.job_counts.';
comment on table ledger.tally is
    'Changes of ledger.counts that are not in it yet: so many jobs came to a state, or left it. Whoever moves jobs adds rows and
     changes none, so nobody waits for anybody. ledger.sequence adds them to the counts now and then, which costs what has changed:
     clients choose names, and there may be any number of them.';
comment on table ledger.processors is 'Who runs jobs. While a processor runs, its session holds advisory lock (lock class, number).';
comment on table ledger.leftovers is
    'What an earlier epoch left out of the log; the next passes take it in. Within one epoch transaction ids still tell the order.';
comment on table ledger.replicas is
    'Each client file: whose it is, the number of the last event taken from it, and the epoch and transaction it came in.';
comment on table ledger.replica_turns is 'Where a replica was found to be a copy, or the server to be restored: each is an event, once in an epoch.';
comment on column ledger.replica_turns.life is
    'The epoch in which the replica''s numbers had been taken. A replica that is ahead of a ledger of the same epoch says that files of
     an earlier moment were put back unnoticed. It may lie, so nothing follows from it but a warning of doctor''s.';
