-- The job ledger, its Postgres side, whole. Postgres 15 and later.
--
-- Everything that happens to a job is an event, and events are only ever added. Four ideas carry the rest.
--
--   1. Events arrive; then they are put in order. Writers append to ledger.events, each in a transaction of its own,
--      and commit in any order they like. One process at a time, the sequencer, looks at which transactions have become
--      visible since its last look and gives their events the next numbers in ledger.log. The numbers have no gaps, and
--      whoever has read up to number n has seen every event up to n, for ever (ledger.sequence).
--
--   2. State is a consequence. ledger.jobs holds one row a job: what its events add up to. The meaning of an event is
--      defined once, in ledger/model/fold.py; the batched statements here (sequence, claim, record) say the same in SQL, for
--      speed, and `jobledger verify` compares the two. What a job was asked to do and what came of it stay in its events:
--      ledger.jobs repeats only what claims and listings read.
--
--   3. Waiting is a row of its own. ledger.queue holds the jobs that wait, ledger.claims those that a processor took. So
--      ledger.jobs has no index on anything that changes, its updates stay on their page (HOT), and the planner has no
--      second index to mistake for the right one. How many jobs stand where is a sum of what came and went (ledger.counts),
--      so that nobody counts jobs either.
--
--   4. Clients come through doors. They have no right on any table. ledger.hello, ledger.push, ledger.pull and ledger.submit
--      take owner and actor from the authenticated session, whatever the call says.
--
-- Locks are taken in this order, everywhere: events (table, row exclusive) - sequencer - replicas - keys - queue - jobs. Rows of
-- the queue are never waited for: who finds one locked goes past it. Rows of ledger.jobs are taken in the order of their
-- job_id. A statement that meets a deadlock all the same fails with SQLSTATE 40P01 as a whole, and its caller tries again.
--
-- Functions that depend on a fresh snapshot per statement run only at READ COMMITTED, and say so. What only other functions
-- call runs with the settings (search_path, planner) of the one that was called from outside.
--
-- The hot functions switch off sequential scans, hash and merge joins and materialisation: they touch a batch of rows by
-- key, for which one index probe a row is right at every size, and a plan made while a table was empty must not outlive
-- that moment. They switch off JIT as well: before Postgres 18 a scan that is switched off looks dear enough to compile for.
--
-- This file is the latest version, whole, and what a new database gets. Chapters:
--
--   Data    Versions and roles - Epochs - Events - State - Clients - Rights
--   Code    Epochs - Events - Order - Running jobs - The doors for clients - What version 1 calls - Rights
--
-- The first half is what holds data: schema, roles, tables with their constraints, indexes and comments. Once it is
-- installed, only the numbered steps in ledger/postgres/upgrades/ change it. The second half is code: functions, triggers,
-- views, policies and grants. Each of its statements can be run again, and an upgrade runs them all, after its steps and in
-- the same transaction. So:
--
--   - what exists is replaced where it stands, so that rights that others have given on it and views that others have made stay;
--   - a function keeps the signature that the version before calls, and a new one gets a name or arguments of its own;
--   - a function, view, trigger or policy that goes, and a grant that is taken back, is dropped or revoked by a step.


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: versions and roles

create schema ledger;

create table ledger.schema_version (
    version integer primary key,
    installed_at timestamptz not null default now(),
    oldest_code integer not null,
    unfinished jsonb not null default '{}',
    constraint code_is_not_newer_than_its_schema check (oldest_code <= version)
);
comment on table ledger.schema_version is 'Which versions of this file were installed, and when.';
comment on column ledger.schema_version.oldest_code is
    'Code that was made for this version of the schema, or for a later one, may still use it: older code has to be upgraded first.';
comment on column ledger.schema_version.unfinished is 'What is left to do of it beside the ledger at work, each with how far it is.';
insert into ledger.schema_version (version, oldest_code) values (2, 1);

-- Roles. Login roles are made members of these four; no one logs in as one of them.

do $$
declare
    v_role text;
begin
    foreach v_role in array array['ledger_client', 'ledger_processor', 'ledger_auditor', 'ledger_operator'] loop
        if not exists (select from pg_roles where rolname = v_role) then
            begin
                execute format('create role %I nologin', v_role);
            exception when duplicate_object or unique_violation then
                null;  -- another database of this cluster is being set up at the same moment
            end;
        end if;
    end loop;
end
$$;


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: epochs
--
-- Transaction ids mean something only within one epoch: one life of one database. A dump restored elsewhere, a promoted
-- standby and a copy made with CREATE DATABASE begin a new epoch: ids of the old one may lie in its future. An epoch has a
-- number, which every event carries, and a UUID, by which clients notice the change.
--
-- Some names are older than this word, and stay: what others have made on these tables, publications among it, and calls that
-- wait while an upgrade commits, go by them. So a column "life" holds the number of an epoch, and "standing" a state. Read them
-- by the views ledger.epochs and ledger.job_counts.

create table ledger.lives (
    life smallint primary key,
    epoch uuid not null default gen_random_uuid(),
    system_identifier bigint not null,
    timeline integer not null,
    database_oid oid not null,
    began_at timestamptz not null default now(),
    reason text not null
);
comment on table ledger.lives is 'The epochs of this database; the one with the highest number (life) is the current one. epoch: its UUID.';


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: events

create table ledger.events (
    txid xid8 not null default pg_current_xact_id(),
    recorded_at timestamptz not null,
    occurred_at timestamptz not null,
    replica_seq bigint,
    life smallint not null,
    v smallint not null,
    id uuid not null,
    job_id uuid,
    correlation_id uuid,
    causation_id uuid,
    replica_id uuid,
    type text not null,
    owner text not null,
    actor text not null,
    data json not null,
    position integer,
    constraint event_id_is_unique primary key (id),
    constraint replica_and_its_number_go_together check ((replica_id is null) = (replica_seq is null)),
    -- what every reader's calendar holds: the years 1600 to 8999, at any offset
    constraint times_can_be_read check (occurred_at >= '1599-12-31 00:00:00+00' and occurred_at < '9000-01-02 00:00:00+00'),
    constraint job_events_name_their_job check (job_id is not null or type not similar to '(job|attempt|step).%')
);
comment on table ledger.events is 'Every event, as it arrived. Append-only. data is the exact text that was sent.';
comment on column ledger.events.recorded_at is 'The server''s clock. Order is not taken from it: see ledger.log.';
comment on column ledger.events.occurred_at is 'The author''s clock: a claim, kept as it was made.';
comment on column ledger.events.txid is 'The transaction that wrote the event; what the sequencer looks for.';
comment on column ledger.events.position is
    'Tells the order in which one transaction wrote its events; there may be gaps. Null: from before version 2, which did not say.';

create index events_by_job on ledger.events (job_id);
create unique index one_request_per_job on ledger.events (job_id) where type = 'job.requested';
create index events_by_transaction on ledger.events (life, txid);
create index failures_by_job on ledger.events (job_id) where type = 'job.failed';

create table ledger.log (
    seq bigint not null,
    event_id uuid not null,
    owner text not null,
    constraint log_has_one_event_per_number primary key (seq),
    constraint event_is_in_log_once unique (event_id)
);
comment on table ledger.log is 'The one order of all events: gapless, and never read before everything below it is there.';
create index log_by_owner on ledger.log (owner, seq);


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: state, which is what the events add up to. All of this can be rebuilt from the log.

create table ledger.jobs (
    job_id uuid not null,
    seq bigint not null,
    requested_at timestamptz not null,
    run_at timestamptz,
    expires_at timestamptz,
    cancel_requested_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    processor uuid,
    attempt integer not null default 0,
    failures integer not null default 0,
    losses integer not null default 0,
    max_attempts integer,
    timeout_ms integer,
    priority smallint not null,
    status text not null,
    owner text not null,
    namespace text not null,
    name text not null,
    key text,
    parent uuid,
    retry_of uuid,
    correlation_id uuid,
    labels jsonb,
    constraint one_row_per_job primary key (job_id),
    constraint status_is_known check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    constraint running_jobs_have_a_processor check ((status = 'running') = (processor is not null)),
    constraint finished_jobs_have_a_time check ((status in ('completed', 'failed', 'cancelled')) = (finished_at is not null))
) with (fillfactor = 40);  -- the two updates of a job find room on its page; so no page is added for them either
comment on table ledger.jobs is 'One row a job: the fold of its events, as far as claims and listings need it.';
comment on column ledger.jobs.seq is 'The number of its request in ledger.log: first come, first served.';
comment on column ledger.jobs.run_at is 'Not before this time; null: at once.';
comment on column ledger.jobs.max_attempts is 'As the request asked; null: the handler''s own.';
comment on column ledger.jobs.key is 'What ledger.submit finds an unfinished job by; null: it was asked for without one.';
comment on column ledger.jobs.parent is 'The job that has asked for this one.';
comment on column ledger.jobs.retry_of is 'The job that this one repeats.';
comment on column ledger.jobs.correlation_id is 'What its request belongs to, as its author says.';
comment on column ledger.jobs.labels is 'As the request gave them; null: none.';
create index jobs_by_owner on ledger.jobs (owner, job_id);
create index jobs_by_key on ledger.jobs (owner, namespace, name, key, seq) where key is not null;
create index jobs_by_parent on ledger.jobs (parent) where parent is not null;
create index jobs_by_retry_of on ledger.jobs (retry_of) where retry_of is not null;
create index jobs_by_correlation on ledger.jobs (correlation_id) where correlation_id is not null;
create index jobs_by_labels on ledger.jobs using gin (labels jsonb_path_ops) where labels is not null;
-- Whoever may read a view may explain it, and estimates come from statistics of all rows: in those of ledger.my_jobs the names
-- of others' jobs could be read, letter by letter. So none are kept. Every query here goes by a key, and needs none.
alter table ledger.jobs
    alter job_id set statistics 0, alter seq set statistics 0, alter requested_at set statistics 0, alter run_at set statistics 0,
    alter expires_at set statistics 0, alter cancel_requested_at set statistics 0, alter started_at set statistics 0,
    alter finished_at set statistics 0, alter processor set statistics 0, alter attempt set statistics 0, alter failures set statistics 0,
    alter losses set statistics 0, alter max_attempts set statistics 0, alter timeout_ms set statistics 0, alter priority set statistics 0,
    alter status set statistics 0, alter owner set statistics 0, alter namespace set statistics 0, alter name set statistics 0, alter key set statistics 0,
    alter parent set statistics 0, alter retry_of set statistics 0, alter correlation_id set statistics 0, alter labels set statistics 0;

create table ledger.queue (
    job_id uuid not null,
    seq bigint not null,
    run_at timestamptz,
    expires_at timestamptz,
    priority smallint not null,
    namespace text not null,
    name text not null,
    reason text,
    rank bigint,
    constraint queued_once primary key (job_id)
);
comment on table ledger.queue is 'The pending jobs. run_at null: may start now; otherwise not before then, and infinity: until something else wakes it.';
comment on column ledger.queue.reason is
    'Why it does not start yet; null where run_at is. An open list: due, retrying, paused, limit, order, children, signal, role, files.
     (Nothing here says that no processor has a handler for it: that changes with every processor that comes or goes.)';
comment on column ledger.queue.rank is 'Among jobs of one priority, the lowest is claimed first. Today it equals seq.';
create index queue_by_rank on ledger.queue (namespace, name, priority desc, rank) where run_at is null;
create index queue_waiting on ledger.queue (run_at) where run_at is not null;
create index queue_expiring on ledger.queue (expires_at) where expires_at is not null;

create table ledger.counts (
    namespace text not null,
    name text not null,
    standing text not null,
    jobs bigint not null,
    constraint counted_once primary key (namespace, name, standing),
    constraint standing_is_known check (standing in ('ready', 'scheduled', 'running', 'completed', 'failed', 'cancelled')),
    constraint somebody_stands_there check (jobs <> 0)
) with (fillfactor = 50);
comment on table ledger.counts is 'How many jobs are in each state, without the changes in ledger.tally; no row means none. See ledger.job_counts.';

create table ledger.tally (
    namespace text not null,
    name text not null,
    standing text not null,
    jobs bigint not null,
    constraint standing_is_known check (standing in ('ready', 'scheduled', 'running', 'completed', 'failed', 'cancelled'))
);
comment on table ledger.tally is
    'Changes of ledger.counts that are not in it yet: so many jobs came to a state, or left it. Whoever moves jobs adds rows and
     changes none, so nobody waits for anybody. ledger.sequence adds them to the counts now and then, which costs what has changed:
     clients choose names, and there may be any number of them.';
alter table ledger.tally replica identity full;  -- it has no key, and a publication of deletes asks which row it was

create table ledger.processors (
    processor uuid not null,
    number integer not null generated always as identity,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now(),
    stopped_at timestamptz,
    lost_at timestamptz,
    beats bigint not null default 0,
    loop_still interval not null default '0',
    host text not null,
    pid integer not null,
    login text not null,
    namespaces text[] not null,
    names text[] not null,
    constraint one_row_per_processor primary key (processor),
    constraint processor_number_is_unique unique (number)
) with (fillfactor = 50);
comment on table ledger.processors is 'Who runs jobs. While a processor runs, its session holds advisory lock (lock class, number).';
comment on column ledger.processors.beats is
    'How often it was heard. Others go by whether this changes, and how long it has not, by clocks of their own that are never set:
     heartbeat_at is there to be read, and decides nothing.';
comment on column ledger.processors.loop_still is 'How long its event loop had not moved at the last heartbeat, which a thread beside it sends.';
create index processors_alive on ledger.processors (number) where stopped_at is null and lost_at is null;

create table ledger.claims (
    processor uuid not null,
    claim uuid not null,
    claimed_at timestamptz not null default now(),
    job_ids uuid[] not null,
    attempts integer[] not null,
    constraint one_row_per_claim primary key (processor, claim),
    constraint every_job_has_its_attempt check (cardinality(job_ids) = cardinality(attempts))
);
alter table ledger.claims alter job_ids set storage external;  -- ids do not compress, and trying costs
comment on table ledger.claims is
    'Which attempts a processor started together, job by job. Gone some time after all of them have ended, or were rescued: so a row
     says nothing about a later attempt of the same job, which stands in a claim of its own.';

create table ledger.early_cancels (
    job_id uuid not null,
    owner text not null,
    event_id uuid not null,
    recorded_at timestamptz not null,
    constraint one_early_cancel_per_owner primary key (job_id, owner)
);
comment on table ledger.early_cancels is 'Cancels that came before the request of their job.';

create table ledger.sequencer (
    only_row boolean primary key default true check (only_row),
    last_seq bigint not null,
    life smallint not null references ledger.lives,
    snapshot pg_snapshot not null
);
comment on table ledger.sequencer is 'How far the log goes: its last number, and the snapshot whose transactions are all in it.';

create unlogged table ledger.leader (
    only_row boolean primary key default true check (only_row),
    holder uuid not null,
    turn bigint not null,
    backend_pid integer not null,
    pid integer not null,
    host text not null,
    since timestamptz not null default now(),
    renewed_at timestamptz not null default now(),
    failing json not null default '{}'
) with (fillfactor = 50);
comment on table ledger.leader is
    'Which processor has the common duties. Renewed each second from where they are done; unlogged, so that no commit waits for the
     disk, and empty after a crash, when nobody leads either.';
comment on column ledger.leader.failing is 'Its duties that fail now: for each its name, how often in a row, since when, and the last error.';
comment on column ledger.leader.turn is 'Changes with every renewal and every election. Who sees it stand still for the lease, takes over.';

create table ledger.leftovers (
    life smallint not null,
    txid xid8 not null,
    event_id uuid not null,
    constraint left_over_once primary key (life, txid, event_id)
);
comment on table ledger.leftovers is
    'What an earlier epoch left out of the log; the next passes take it in. Within one epoch transaction ids still tell the order.';


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: clients

create table ledger.replicas (
    replica_id uuid primary key,
    owner text not null,
    head bigint not null,
    life smallint not null,
    txid xid8 not null default pg_current_xact_id(),
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table ledger.replicas is
    'Each client file: whose it is, the number of the last event taken from it, and the epoch and transaction it came in.';

create table ledger.delegations (
    actor text not null,
    owner text,
    granted_by text not null default session_user,
    granted_at timestamptz not null default now(),
    constraint granted_once unique nulls not distinct (actor, owner)
);
alter table ledger.delegations replica identity full;
comment on table ledger.delegations is
    'Which login may act on behalf of which owner; null: of every owner. An owner need not be a login, so that a service can
     keep its users apart.';

create table ledger.keys (
    owner text not null,
    namespace text not null,
    name text not null,
    key text not null,
    job_id uuid not null,
    constraint one_job_per_key primary key (owner, namespace, name, key)
);
comment on table ledger.keys is
    'The last job that ledger.submit has requested, or found, under each key. The row is what two sessions that ask at the same
     moment meet at: the second waits until the first has committed. Only ledger.submit takes it, so it holds up nobody else.';

create table ledger.replica_turns (
    replica_id uuid not null,
    what text not null check (what in ('replica.forked', 'replica.rewound')),
    at bigint not null,
    life smallint not null,
    constraint told_once primary key (replica_id, what, at, life)
);
comment on table ledger.replica_turns is 'Where a replica was found to be a copy, or the server to be restored: each is an event, once in an epoch.';
comment on column ledger.replica_turns.life is
    'The epoch in which the replica''s numbers had been taken. A replica that is ahead of a ledger of the same epoch says that files of
     an earlier moment were put back unnoticed. It may lie, so nothing follows from it but a warning of doctor''s.';

create table ledger.refusals (
    replica_id uuid not null,
    replica_seq bigint not null,
    event_id text not null,
    job_id text,
    owner text not null,
    refused_at timestamptz not null default now(),
    code text not null,
    detail text not null,
    type text,
    data text,
    constraint one_refusal_per_number primary key (replica_id, replica_seq)
);
comment on table ledger.refusals is 'What was refused, from whom and why. It has used up its number, and delays nobody.';

create table ledger.limits (
    only_row boolean primary key default true check (only_row),
    max_event_bytes integer not null default 262144 check (max_event_bytes between 1000 and 100000000),
    max_params_bytes integer not null default 262144 check (max_params_bytes between 100 and 100000000),
    max_json_depth integer not null default 64 check (max_json_depth between 4 and 128),
    max_batch_events integer not null default 5000 check (max_batch_events between 1 and 100000),
    max_batch_bytes integer not null default 16777216 check (max_batch_bytes between 1000 and 500000000)
);
comment on table ledger.limits is
    'What one event and one push may hold; an operator may change the row. Clients hear of it when they sync, and keep to it when they
     submit. An event has to fit into a push: where max_batch_bytes is the lower of the two, it is the limit of an event as well.
     No depth above 128: readers have limits of their own.';
insert into ledger.limits default values;


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: rights

-- What rights there are to be is written down, each with the statement that gives it: so that `jobledger doctor` can say what was
-- changed since (by a dump restored without its grants, by hand), and `jobledger init` can mend it.

create table ledger.rights (
    what text not null,
    place integer not null,
    give text,
    constraint each_right_once primary key (what)
);
comment on table ledger.rights is 'The rights as they were installed. give: the statement that gives it; null: to be mended by hand.';


-- =====================================================================================================================
-- Code. From here on, everything can be run again, and an upgrade does.
-- locks: ledger.events, ledger.log, ledger.my_jobs, ledger.jobs, ledger.refusals
-- =====================================================================================================================


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: epochs

create or replace function ledger.identity(out system_identifier bigint, out timeline integer, out database_oid oid)
language sql stable security definer set search_path = pg_catalog, ledger, pg_temp
as $$
    select c.system_identifier,
           ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer,
           (select d.oid from pg_database d where d.datname = current_database())
    from pg_control_system() c
$$;
comment on function ledger.identity is 'What tells this cluster, timeline and database from every other.';

create or replace view ledger.epochs with (security_barrier) as
    select l.life as number, l.epoch, l.began_at, l.reason, l.system_identifier, l.timeline, l.database_oid from ledger.lives l;
comment on view ledger.epochs is 'The epochs of this database, each with its number and its UUID; the highest number is the current one''s.';

create or replace function ledger.current_epoch() returns smallint
language plpgsql stable
as $$
begin
    return (select max(l.life) from ledger.lives l);  -- planned once a session; SQL's own functions, before Postgres 18, once a call
end
$$;


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: events

create or replace function ledger.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception '% of %.% refused: it is append-only', lower(tg_op), tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create or replace trigger events_are_append_only before update or delete or truncate on ledger.events
    for each statement execute function ledger.refuse_change();
create or replace trigger log_is_append_only before update or delete or truncate on ledger.log
    for each statement execute function ledger.refuse_change();
create or replace trigger refusals_are_append_only before update or delete or truncate on ledger.refusals
    for each statement execute function ledger.refuse_change();

-- A notification is a hint, without content: whoever hears it looks for itself, and whoever misses it looks at its next
-- poll. NOTIFY takes a lock that serialises commits, so this is one per statement, and writers write in batches.

create or replace function ledger.hint(p_channel text) returns void
language plpgsql
as $$
begin
    -- The queue of notifications belongs to the whole cluster. One session that listens, and stays in a transaction, lets it fill up,
    -- and then the commit of whoever notifies fails. So hints stop long before; to ask how full it is drops what all have heard.
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify(p_channel, '');
    end if;
end
$$;
comment on function ledger.hint is 'The one place that notifies.';

create or replace function ledger.announce_events() returns trigger
language plpgsql
as $$
begin
    if exists (select from added) then  -- a statement that adds none announces none
        perform ledger.hint('ledger_events');
    end if;
    return null;
end
$$;
create or replace trigger announce_events after insert on ledger.events referencing new table as added
    for each statement execute function ledger.announce_events();

create or replace function ledger.new_id() returns uuid
language sql volatile
as $$
    -- UUIDv7, RFC 9562 section 5.7: 48 bits of Unix milliseconds over a random UUID, whose version 4 becomes 7
    select encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

create or replace function ledger.nth_id(p_first uuid, p_n bigint) returns uuid
language sql immutable
as $$
    -- ids made together count up from a random one (RFC 9562, section 6.2, method 2), at a third of the cost
    select (left(p_first::text, 24)
            || lpad(to_hex((('x' || right(p_first::text, 12))::bit(48)::bigint + p_n) & 281474976710655), 12, '0'))::uuid
$$;

create or replace function ledger.take_positions(p_events integer) returns integer
language plpgsql
as $$
declare
    -- how many this transaction has taken; gone with it. A client that sets it by hand puts only its own events in disorder.
    v_taken text := current_setting('ledger.positions_taken', true);
    v_first integer := case when v_taken ~ '^\d{1,9}$' then v_taken::integer else 0 end;
begin
    perform set_config('ledger.positions_taken', (v_first + p_events)::text, true);
    return v_first;
end
$$;
comment on function ledger.take_positions is 'The first of so many positions for events that this transaction is about to write.';

create or replace function ledger.append_event(p_type text, p_owner text, p_data json) returns void
language sql
as $$
    insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data, position)
    values (ledger.new_id(), p_type, 1, p_owner, session_user, now(), now(), ledger.current_epoch(), p_data, ledger.take_positions(1))
$$;
comment on function ledger.append_event is 'Writes what happens to the system itself and to no job: the one place that does.';


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: order
--
-- An identity column is no cursor: a transaction that took number 7 may commit after number 8 was read, and 7 is then
-- missed. Holding readers back until no older transaction is open would let one forgotten session stop the feed. So the
-- sequencer asks Postgres what became visible: the transactions that the snapshot of its last pass did not show, and
-- this one's does. Each transaction passes that line exactly once, whenever it commits. What a snapshot did not show is
-- what was running then, which it lists, and what came later: so a pass looks at nothing twice, whoever keeps a transaction open.
--
-- Within a pass, events go by transaction id. A transaction that began after another was committed has the higher id, so
-- whoever wrote an event knowing of another comes after it. Within a transaction they go by owner, so that the events of one
-- owner stand together (a segment of the log), then by position, replica_seq and id: the events of one replica keep their
-- order. No clock has a say.
--
-- The lock on ledger.sequencer is taken by a statement of its own, before the one that takes the snapshot. In one statement,
-- a pass that had to wait would go on with a snapshot older than the one it finds stored, and number events twice. It is a
-- lock of the table, and not of its row, because that would give the pass its transaction id before the snapshot: a snapshot
-- does not list its own transaction as running, and takes it for done when a younger one has ended, so what the pass itself
-- writes (job.cancelled) would never be numbered. A table's lock writes nothing, and so a pass that finds nothing costs no disk.
--
-- The functions of the hot path say which plans they want (by index, row by row), and plan once a session: these plans hold
-- from an empty table to a full one, and planning a claim takes longer than a claim of one job.

create or replace function ledger.snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8) returns pg_snapshot
language sql immutable
as $$
    -- the snapshot that shows what p_then shows and, up to p_cut, what p_now shows
    with bound as (
        select greatest(pg_snapshot_xmax(p_then)::text::bigint, p_cut::text::bigint + 1) as xmax
    ), running as (
        select distinct x.xid::text::bigint as xid
        from (select pg_snapshot_xip(p_then) as xid union all select pg_snapshot_xip(p_now)) x, bound b
        where x.xid::text::bigint < b.xmax
          and not pg_visible_in_snapshot(x.xid, p_then)
          and not (x.xid <= p_cut and pg_visible_in_snapshot(x.xid, p_now))
    )
    select format('%s:%s:%s', coalesce(min(r.xid), b.xmax), b.xmax, string_agg(r.xid::text, ',' order by r.xid))::pg_snapshot
    from bound b left join running r on true
    group by b.xmax
$$;
comment on function ledger.snapshot_after is 'Lets a pass stop at a transaction and still know exactly what it has numbered.';

create or replace function ledger.insist_on_read_committed() returns void
language plpgsql
as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'this function needs isolation level read committed, not %', current_setting('transaction_isolation')
            using errcode = 'invalid_transaction_state';
    end if;
end
$$;

create or replace function ledger.insist_on_few_epochs() returns void
language plpgsql
as $$
begin
    -- One a minute where somebody asks for it. The last thousand numbers are for restores that are seen, and for the owner: there
    -- are only so many, and each new epoch makes every client look through what it holds.
    if not pg_has_role(session_user, (select n.nspowner from pg_namespace n where n.nspname = 'ledger'), 'member')
       and exists (select from ledger.lives l where l.began_at > now() - interval '1 minute' or l.life > 31000) then
        raise exception 'an epoch began within the last minute, or there were too many of them'
            using errcode = 'object_not_in_prerequisite_state', hint = 'wait a minute; the owner of the ledger need not';
    end if;
end
$$;

create or replace function ledger.begin_epoch(p_reason text, p_after uuid default null) returns uuid
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
set lock_timeout = '500ms'  -- who waits for a lock on a table holds up everybody behind him
as $$
declare
    v_number smallint;
    v_epoch uuid;
begin
    perform ledger.insist_on_read_committed();
    if pg_has_role(session_user, 'ledger_operator', 'member') then
        perform ledger.insist_on_few_epochs();
    end if;
    -- Writers read the current epoch after they have locked this table: when this lock is given, none is in between. They wait
    -- until this transaction ends: a forgotten one is ended by the server.
    lock table ledger.events in share row exclusive mode;
    select l.epoch into v_epoch from ledger.lives l where l.life = ledger.current_epoch() and l.epoch <> p_after;
    if found then
        return v_epoch;  -- another has noticed as well, and was quicker
    end if;
    perform set_config('idle_in_transaction_session_timeout', '5s', true), set_config('statement_timeout', '1min', true);
    insert into ledger.lives (life, system_identifier, timeline, database_oid, reason)
    select coalesce(ledger.current_epoch(), 0) + 1, i.system_identifier, i.timeline, i.database_oid, p_reason
    from ledger.identity() i
    returning life, epoch into v_number, v_epoch;
    insert into ledger.sequencer (last_seq, life, snapshot) values (0, v_number, pg_current_snapshot())
    on conflict (only_row) do update set life = excluded.life, snapshot = excluded.snapshot;
    -- Transaction ids of earlier epochs say nothing now, so what they left is found by comparing with the log.
    insert into ledger.leftovers (life, txid, event_id)
    select e.life, e.txid, e.id from ledger.events e
    where not exists (select from ledger.log l where l.event_id = e.id)
    on conflict do nothing;
    return v_epoch;
end
$$;
comment on function ledger.begin_epoch is
    'Makes all clients compare what they hold with what is here; needed only after a restore that neither ledger.identity nor a processor
     can see. With p_after, only if that is still the epoch. Gives the epoch that holds from then on.
     Raises lock_not_available when a transaction that has written events stays open: call again. Its own transaction has to end
     soon, as all who write wait for it: idle for five seconds, its session is ended.';

create or replace function ledger.ensure_epoch(p_epoch uuid default null, p_seq bigint default 0, p_event uuid default null) returns uuid
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
declare
    v_epoch uuid;
    v_here boolean;
begin
    select l.epoch, (l.system_identifier, l.timeline, l.database_oid) = (i.system_identifier, i.timeline, i.database_oid)
    into v_epoch, v_here
    from ledger.lives l, ledger.identity() i
    where l.life = ledger.current_epoch();
    if not v_here then
        v_epoch := ledger.begin_epoch('this is another cluster, timeline or database than the one recorded', v_epoch);
    elsif p_epoch = v_epoch and p_seq > 0 and not exists (select from ledger.log l where l.seq = p_seq and l.event_id = p_event) then
        perform ledger.insist_on_few_epochs();  -- a login of a processor can say so without having seen it
        v_epoch := ledger.begin_epoch(format('the log has lost its number %s: the database was put back to an earlier moment', p_seq), v_epoch);
    end if;
    return v_epoch;
end
$$;
comment on function ledger.ensure_epoch is
    'Begins a new epoch when this database is a restored, promoted or copied one, or when the log of this epoch does not have what the
     caller, a processor, has seen in it (ledger.end_of_log); that at most once a minute: call again. Gives the epoch.';

create or replace function ledger.order_events(p_limit integer default 10000)
returns table (sequenced integer, more boolean, new_work boolean, next_due timestamptz)
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
set plan_cache_mode = force_generic_plan
as $$
declare
    v_last bigint;
    v_number smallint;
    v_then pg_snapshot;
    v_now pg_snapshot;
    v_running xid8[];
    v_next xid8;
    v_cut xid8;
    v_left_over boolean;
    v_cancels integer;
    v_early boolean;
begin
    perform ledger.insist_on_read_committed();
    if pg_current_xact_id_if_assigned() is not null then
        -- No snapshot lists its own transaction among those that run, so what this pass writes would count as numbered.
        raise exception 'a pass needs a transaction of its own' using errcode = 'invalid_transaction_state';
    end if;
    perform ledger.keep_commits_durable();  -- a number that was read must not be given again
    lock table ledger.events in row exclusive mode;
    lock table ledger.sequencer in share row exclusive mode;
    -- From here on every snapshot is younger than the lock, and than the snapshot stored by the pass before.
    select s.last_seq, s.life, s.snapshot into v_last, v_number, v_then from ledger.sequencer s;
    v_now := pg_current_snapshot();
    v_running := array(select pg_snapshot_xip(v_then));
    v_next := pg_snapshot_xmax(v_then);
    v_early := exists (select from ledger.early_cancels);

    -- The transaction that holds the last event of a full pass, if there are so many.
    select e.txid into v_cut
    from ledger.events e
    where e.life = v_number and e.txid >= v_next and pg_visible_in_snapshot(e.txid, v_now)
    order by e.life, e.txid offset greatest(p_limit - 1, 0) limit 1;

    -- What an earlier epoch left comes first, whole transactions at a time; this epoch's follows when no more than a pass is left.
    v_left_over := (select count(*) > p_limit from (select from ledger.leftovers limit p_limit + 1) c);

    with leftover as (
        delete from ledger.leftovers l
        using (select c.life, c.txid, c.event_id from ledger.leftovers c
               order by c.life, c.txid fetch first p_limit rows with ties) f
        where (l.life, l.txid, l.event_id) = (f.life, f.txid, f.event_id)
        returning l.event_id
    ), visible as (
        select e.id, e.life, e.txid, e.position, e.replica_seq, e.type, e.owner, e.job_id, e.recorded_at, e.correlation_id,
               case when e.type = 'job.requested' then e.data end as request
        from unnest(v_running) r (txid)
        -- offset 0: each one is looked up, also where the planner takes all of an epoch for a few rows
        cross join lateral (select * from ledger.events c where c.life = v_number and c.txid = r.txid offset 0) e
        where pg_visible_in_snapshot(r.txid, v_now) and not v_left_over
        union all
        select e.id, e.life, e.txid, e.position, e.replica_seq, e.type, e.owner, e.job_id, e.recorded_at, e.correlation_id,
               case when e.type = 'job.requested' then e.data end
        from ledger.events e
        where e.life = v_number and e.txid >= v_next and pg_visible_in_snapshot(e.txid, v_now)
          and (v_cut is null or e.txid <= v_cut) and not v_left_over
        union all
        select e.id, e.life, e.txid, e.position, e.replica_seq, e.type, e.owner, e.job_id, e.recorded_at, e.correlation_id,
               case when e.type = 'job.requested' then e.data end
        from leftover o join ledger.events e on e.id = o.event_id
    ), fresh as materialized (
        select v_last + row_number() over (order by f.life, f.txid, f.owner collate "C", f.position, f.replica_seq, f.id) as seq, f.* from visible f
    ), logged as (
        insert into ledger.log (seq, event_id, owner) select f.seq, f.id, f.owner from fresh f
    ), requested as (
        insert into ledger.jobs as j
            (job_id, seq, requested_at, run_at, expires_at, max_attempts, timeout_ms, priority, status, owner, namespace, name, key,
             parent, retry_of, correlation_id, labels)
        select f.job_id, f.seq, f.recorded_at, r.run_at, (r.limits ->> 'expires_at')::timestamptz,
               (r.limits ->> 'max_attempts')::integer, ((r.limits ->> 'timeout')::numeric * 1000)::integer,
               coalesce(r.priority, 0), 'pending', f.owner, coalesce(r.namespace, 'default'), r.name, r.key,
               r.parent, r.retry_of, f.correlation_id, nullif(r.labels, '{}')
        from fresh f,
             json_to_record(f.request) r (name text, namespace text, priority smallint, run_at timestamptz, limits json, key text,
                                          parent uuid, retry_of uuid, labels jsonb)
        where f.type = 'job.requested'
        on conflict (job_id) do nothing
        returning j.job_id, j.seq, j.run_at, j.expires_at, j.priority, j.namespace, j.name
    ), queued as (
        insert into ledger.queue (job_id, seq, run_at, expires_at, priority, namespace, name, reason, rank)
        select r.job_id, r.seq, case when r.run_at > now() then r.run_at end, r.expires_at, r.priority, r.namespace, r.name,
               case when r.run_at > now() then 'due' end, r.seq
        from requested r
        returning namespace, name, run_at
    ), counted as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select q.namespace, q.name, case when q.run_at is null then 'ready' else 'scheduled' end, count(*)
        from queued q group by 1, 2, 3
    ), cancelled_early as (
        insert into ledger.early_cancels as c (job_id, owner, event_id, recorded_at)
        select distinct on (f.job_id, f.owner) f.job_id, f.owner, f.id, f.recorded_at
        from fresh f where f.type = 'job.cancel_requested'
        order by f.job_id, f.owner, f.seq
        on conflict do nothing
    )
    select count(*),
           count(*) filter (where f.type = 'job.cancel_requested')
           -- a value of its own, and not "exists": each is looked up, also where the planner takes the table for a small one
           + (select count(*) from requested r
              where v_early and (select true from ledger.early_cancels c where c.job_id = r.job_id limit 1)),
           coalesce(bool_or(f.type in ('job.requested', 'attempt.failed', 'attempt.deferred', 'attempt.lost')), false)
    into sequenced, v_cancels, new_work
    from fresh f;

    if v_cancels > 0 then
        perform ledger.apply_cancels(v_last, v_last + sequenced);
    end if;

    if sequenced > 0 then
        update ledger.sequencer
        set last_seq = v_last + sequenced,
            snapshot = case when v_left_over then v_then when v_cut is null then v_now else ledger.snapshot_after(v_then, v_now, v_cut) end;
        if v_last / 10000 < (v_last + sequenced) / 10000 then
            perform ledger.sum_counts();
        end if;
    end if;

    more := v_cut is not null or v_left_over;
    next_due := ledger.next_due();
    if sequenced > 0 then
        perform ledger.hint('ledger_feed');
    end if;
    if new_work then
        perform ledger.hint('ledger_work');
    end if;
    return next;
end
$$;
comment on function ledger.order_events is
    'One pass: puts what became visible in order, and folds the clients'' events into ledger.jobs. new_work: a job may be ready to start
     that was not before. next_due: when ledger.release_due has something to do; that may have been before now.';

create or replace function ledger.next_due() returns timestamptz
language plpgsql stable
as $$
declare
    v_due timestamptz := least(
        (select q.run_at from ledger.queue q where q.run_at is not null order by q.run_at limit 1),
        (select q.expires_at from ledger.queue q where q.expires_at is not null order by q.expires_at limit 1));
begin
    return case when v_due is not null then least(v_due, now() + interval '1 day') end;  -- a time that any caller can read
end
$$;

create or replace function ledger.release_due(p_limit integer default 10000) returns table (new_work boolean, next_due timestamptz)
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
begin
    perform ledger.insist_on_read_committed();
    perform ledger.keep_commits_durable();
    lock table ledger.events in row exclusive mode;
    perform ledger.expire_jobs(p_limit);
    new_work := ledger.release_jobs(p_limit) > 0;
    next_due := ledger.next_due();
    if new_work then
        perform ledger.hint('ledger_work');
    end if;
    return next;
end
$$;
comment on function ledger.release_due is 'Lets the jobs start whose time has come, and ends those that have expired: of each so many, the first ones due.';

create or replace function ledger.sequence(p_limit integer default 10000)
returns table (sequenced integer, more boolean, new_work boolean, next_due timestamptz)
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
begin
    select o.sequenced, o.more, o.new_work, o.next_due into sequenced, more, new_work, next_due from ledger.order_events(p_limit) o;
    if next_due <= now() then
        select r.new_work or sequence.new_work, r.next_due into new_work, next_due from ledger.release_due(p_limit) r;
    end if;
    return next;
end
$$;
comment on function ledger.sequence is 'ledger.order_events, and ledger.release_due where something is due: both in one statement, as version 1 calls them.';

create or replace function ledger.apply_cancels(p_after bigint, p_upto bigint) returns void
language plpgsql
as $$
declare
    v_pending uuid[];
    v_asked integer;
    v_position integer;
begin
    -- Every cancel of this pass stands in early_cancels now; one whose job is known, and of the same owner, is due. Cancels
    -- of jobs that never come stay there for ever, so the search starts from what this pass has brought.
    with due as (
        delete from ledger.early_cancels c
        where c.ctid = any (array(
            select d.ctid
            from (select distinct e.job_id from ledger.log l join ledger.events e on e.id = l.event_id
                  where l.seq > p_after and l.seq <= p_upto and e.type in ('job.requested', 'job.cancel_requested')) b
            -- offset 0: each one is looked up, also where the planner takes the table for a small one
            cross join lateral (
                select k.ctid from ledger.early_cancels k join ledger.jobs j on j.job_id = k.job_id and j.owner = k.owner
                where k.job_id = b.job_id offset 0) d))
        returning c.job_id, c.recorded_at
    ), held as (
        select j.job_id, d.recorded_at from due d join ledger.jobs j on j.job_id = d.job_id
        order by d.job_id for no key update of j
    ), asked as (
        update ledger.jobs j set cancel_requested_at = least(j.cancel_requested_at, h.recorded_at)
        from held h where j.job_id = h.job_id
        returning j.job_id, j.status
    )
    select array_agg(a.job_id) filter (where a.status = 'pending'), count(*) into v_pending, v_asked from asked a;
    if v_asked = 0 then
        return;
    end if;
    v_position := ledger.take_positions(v_asked);
    -- What a claim is just taking is left to it: it waits for our lock on the job, and then sees that it was asked to stop.
    with free as (
        select q.job_id from ledger.queue q where q.job_id = any (v_pending) for update skip locked
    ), taken as (
        delete from ledger.queue q using free f where q.job_id = f.job_id returning q.job_id, q.namespace, q.name, q.run_at
    ), ended as (
        update ledger.jobs j set status = 'cancelled', run_at = null, finished_at = now()
        from taken t where j.job_id = t.job_id
        returning j.job_id, j.owner
    ), counted as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select namespace, name, run_at is null as ready, count(*) as jobs from taken group by 1, 2, 3) t
        cross join lateral (values (case when t.ready then 'ready' else 'scheduled' end, -t.jobs), ('cancelled', t.jobs)) d (standing, jobs)
    )
    insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data, position)
    select ledger.new_id(), e.job_id, 'job.cancelled', 1, e.owner, session_user, now(), now(), ledger.current_epoch(),
           json_build_object('attempt', null), v_position + row_number() over () - 1
    from ended e;
    perform ledger.hint('ledger_cancel');
end
$$;

create or replace function ledger.release_jobs(p_limit integer) returns integer
language plpgsql
as $$
declare
    v_released integer;
begin
    with released as (
        update ledger.queue q set run_at = null, reason = null
        where q.job_id in (
            select w.job_id from ledger.queue w where w.run_at <= now() order by w.run_at limit p_limit for update skip locked)
        returning q.namespace, q.name
    ), counted as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select r.namespace, r.name, d.standing, d.sign * count(*)
        from released r cross join (values ('ready', 1), ('scheduled', -1)) d (standing, sign)
        group by 1, 2, 3, d.sign
    )
    select count(*) into v_released from released;
    return v_released;
end
$$;

create or replace view ledger.job_counts with (security_barrier) as
    select c.namespace, c.name, c.standing as state, sum(c.jobs)::bigint as jobs
    from (select n.namespace, n.name, n.standing, n.jobs from ledger.counts n
          union all select t.namespace, t.name, t.standing, t.jobs from ledger.tally t) c
    group by c.namespace, c.name, c.standing having sum(c.jobs) <> 0;
comment on view ledger.job_counts is 'How many jobs of each name are ready, scheduled, running, completed, failed and cancelled. No row means none.';

create or replace function ledger.sum_counts() returns void
language sql
as $$
    with moved as (
        delete from ledger.tally returning namespace, name, standing, jobs
    )
    merge into ledger.counts c
    using (select m.namespace, m.name, m.standing, sum(m.jobs)::bigint as jobs
           from moved m group by 1, 2, 3 having sum(m.jobs) <> 0) m
    on (c.namespace, c.name, c.standing) = (m.namespace, m.name, m.standing)
    when matched and c.jobs + m.jobs = 0 then delete
    when matched then update set jobs = c.jobs + m.jobs
    when not matched then insert (namespace, name, standing, jobs) values (m.namespace, m.name, m.standing, m.jobs)
$$;

create or replace function ledger.expire_jobs(p_limit integer) returns void
language plpgsql
as $$
declare
    v_position integer;
begin
    -- to look costs less than a statement that ends none
    if not exists (select from ledger.queue q where q.expires_at <= now()) then
        return;
    end if;
    v_position := ledger.take_positions(p_limit);
    with due as (
        delete from ledger.queue q
        where q.job_id in (
            select x.job_id from ledger.queue x where x.expires_at <= now()
            order by x.expires_at limit p_limit for update skip locked)
        returning q.job_id, q.namespace, q.name, q.run_at
    ), ended as (
        update ledger.jobs j set status = 'failed', run_at = null, finished_at = now() from due d where j.job_id = d.job_id
        returning j.job_id, j.owner, j.attempt, j.expires_at
    ), counted as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select namespace, name, run_at is null as ready, count(*) as jobs from due group by 1, 2, 3) t
        cross join lateral (values (case when t.ready then 'ready' else 'scheduled' end, -t.jobs), ('failed', t.jobs)) d (standing, jobs)
    )
    insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data, position)
    select ledger.new_id(), e.job_id, 'job.failed', 1, e.owner, session_user, now(), now(), ledger.current_epoch(),
           json_build_object('attempts', e.attempt, 'error', json_build_object(
               'type', 'Expired', 'message', format('not finished by %s', e.expires_at), 'retryable', false)),
           v_position + row_number() over () - 1
    from ended e;
end
$$;


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: running jobs: register, claim, record, stop

create or replace function ledger.lock_class() returns integer
language sql immutable
as $$ select 1785686116 $$;
comment on function ledger.lock_class is
    'First key of this project''s advisory locks; the second is a processor''s number: that it lives.';

create or replace function ledger.is_processors_lock(p_number integer) returns boolean
language sql stable security definer set search_path = pg_catalog, ledger, pg_temp
as $$
    select exists (
        select from pg_locks k join pg_stat_activity a on a.pid = k.pid
        where k.locktype = 'advisory' and k.granted and k.objsubid = 2
          and k.database = (select d.oid from pg_database d where d.datname = current_database())
          and k.classid = ledger.lock_class()::oid and k.objid = p_number::oid
          and pg_has_role(a.usesysid, 'ledger_processor', 'member'))
$$;
comment on function ledger.is_processors_lock is
    'Whether an advisory lock of ours is held by a session that may run jobs. Anyone who can log in can take any advisory lock, and
     Postgres cannot forbid it to some: so a lock that someone else holds counts as free.';

-- A lock alone would be the leader's for as long as its session lasts: also while its process is frozen, while its event loop
-- is blocked, and after its death, where a child that it forked still has the socket. So leading is a lease, and its end is
-- counted by the clocks of those who wait for it. Two leaders for a moment are harmless: ledger.sequence locks its table.

create or replace function ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint default null)
returns table (elected boolean, turn bigint)
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
#variable_conflict use_column
declare
    v_leader ledger.leader;
begin
    select * into v_leader from ledger.leader;
    if v_leader.turn is distinct from p_silent_turn and exists (
        select from pg_stat_activity a
        where a.pid = v_leader.backend_pid and a.datname = current_database() and pg_has_role(a.usesysid, 'ledger_processor', 'member'))
    then
        return query select false, v_leader.turn;
        return;
    end if;
    insert into ledger.leader as l (holder, turn, backend_pid, pid, host) values (p_candidate, 1, pg_backend_pid(), p_pid, p_host)
    on conflict (only_row) do update
    set holder = excluded.holder, turn = l.turn + 1, backend_pid = excluded.backend_pid, pid = excluded.pid, host = excluded.host,
        since = now(), renewed_at = now(), failing = '{}'
    where l.turn = v_leader.turn  -- nobody was quicker
    returning l.turn into v_leader.turn;
    return query select found, v_leader.turn;
end
$$;
comment on function ledger.stand_for_leader is
    'Makes the candidate the leader where there is none, where the session in which the last one led is gone, or where the turn is
     still p_silent_turn: the one that the candidate has seen unchanged for the lease.';

create or replace function ledger.note_failing(p_holder uuid, p_failing json) returns void
language sql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
    update ledger.leader l set failing = p_failing where l.holder = p_holder
$$;
comment on function ledger.note_failing is 'Keeps which duties of the leader fail, for whoever asks how the ledger is.';

create or replace function ledger.lead(p_holder uuid) returns boolean
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
begin
    update ledger.leader l set turn = l.turn + 1, renewed_at = clock_timestamp() where l.holder = p_holder;
    return found;
end
$$;
comment on function ledger.lead is 'Renews the lease of the leader. False: another one leads now.';

create or replace function ledger.end_of_log(out epoch uuid, out last_seq bigint, out event_id uuid)
language sql stable security definer set search_path = pg_catalog, ledger, pg_temp
as $$
    select l.epoch, s.last_seq, g.event_id
    from ledger.sequencer s join ledger.lives l on l.life = s.life left join ledger.log g on g.seq = s.last_seq
$$;
comment on function ledger.end_of_log is 'How far the log goes, and with which event. Who has seen it so, knows it again: see ensure_life.';

create or replace function ledger.register_processor(
    p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) returns integer
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
declare
    v_number integer;
begin
    lock table ledger.events in row exclusive mode;
    -- Held by this session until it ends, by whatever means: how others see, at once, that the processor is gone. Anyone can
    -- take such a lock, so a number whose lock is not to be had is left out, and never waited for.
    loop
        v_number := nextval(pg_get_serial_sequence('ledger.processors', 'number'));
        exit when pg_try_advisory_lock(ledger.lock_class(), v_number);
    end loop;
    insert into ledger.processors (processor, number, host, pid, login, namespaces, names) overriding system value
    values (p_processor, v_number, p_host, p_pid, session_user, p_namespaces, p_names);
    perform ledger.append_event('processor.started', session_user, json_build_object(
        'processor', p_processor, 'host', p_host, 'pid', p_pid, 'namespaces', p_namespaces, 'names', p_names));
    return v_number;
end
$$;

create or replace function ledger.beat(p_processor uuid, p_beats bigint default 0, p_loop_still interval default '0') returns bigint
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp set jit = off set enable_seqscan = off
as $$
declare
    v_number integer;
    v_beats bigint;
begin
    update ledger.processors p set heartbeat_at = clock_timestamp(), beats = p.beats + 1, loop_still = p_loop_still
    where p.processor = p_processor and p.login = session_user and p.stopped_at is null and p.lost_at is null
      and p.beats >= p_beats
    returning p.number, p.beats into v_number, v_beats;
    if found then
        -- Had already, as a rule. After a break of the connection this session takes it, as soon as the last one has let it go.
        perform pg_try_advisory_lock(ledger.lock_class(), v_number);
    end if;
    return v_beats;
end
$$;
comment on function ledger.beat is
    'The heartbeat; gives its number. Null: this processor was given up, or fewer beats are known than p_beats, as the database was put
     back to an earlier moment. Either way it must stop its jobs at once, and what it had goes to others.';

create or replace function ledger.stop_processor(p_processor uuid) returns void
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
begin
    lock table ledger.events in row exclusive mode;
    update ledger.processors p set stopped_at = now()
    where p.processor = p_processor and p.login = session_user and p.stopped_at is null and p.lost_at is null;
    if found then
        perform ledger.append_event('processor.stopped', session_user, json_build_object('processor', p_processor));
    end if;
end
$$;

create or replace function ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[])
returns table (processor uuid, noticed_by text, job_id uuid, attempt integer, failures integer, losses integer, max_attempts integer,
               alone boolean, losses_alone bigint)
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
    v_overdue uuid[] := array(select s.processor from unnest(p_silent, p_overdue) s (processor, overdue) where s.overdue);
    v_lost record;
    -- after a restart of the server every lock is free, and those who live need a moment to take theirs again
    v_restarted boolean := pg_postmaster_start_time() between clock_timestamp() - interval '5 seconds' and clock_timestamp();
begin
    lock table ledger.events in row exclusive mode;
    for v_lost in
        with gone as (
            select p.processor, p.number
            from ledger.processors p
            join unnest(p_silent, p_beats) s (processor, beats) on s.processor = p.processor and s.beats = p.beats
            where p.stopped_at is null and p.lost_at is null
            order by p.number for update of p skip locked
        )
        update ledger.processors p set lost_at = now()
        from gone g
        where p.processor = g.processor
          and (g.processor = any (v_overdue)
               or not v_restarted and (pg_try_advisory_xact_lock(ledger.lock_class(), g.number)
                                       or not ledger.is_processors_lock(g.number)))
        returning p.processor, p.heartbeat_at
    loop
        perform ledger.append_event('processor.lost', session_user, json_build_object(
            'processor', v_lost.processor, 'last_heartbeat_at', v_lost.heartbeat_at,
            'noticed_by', case when v_lost.processor = any (v_overdue) then 'heartbeat' else 'lock' end));
    end loop;
    return query
        select p.processor, case when p.processor = any (v_overdue) then 'heartbeat' else 'lock' end,
               j.job_id, j.attempt, j.failures, j.losses, j.max_attempts,
               count(j.job_id) over (partition by p.processor) = 1,
               (select count(*) from ledger.events e
                where j.losses > 0 and e.job_id = j.job_id and e.type = 'attempt.lost' and e.data ->> 'alone' = 'true')
        from (select distinct c.processor from ledger.claims c) d
        join ledger.processors p on p.processor = d.processor
        left join lateral (
            select r.* from ledger.claims c
            cross join lateral unnest(c.job_ids, c.attempts) x (job_id, attempt)
            join ledger.jobs r on r.job_id = x.job_id and r.attempt = x.attempt
            where c.processor = p.processor and r.processor = p.processor and r.status = 'running') j on true
        where p.lost_at is not null or p.stopped_at is not null
        order by p.processor, j.job_id;
end
$$;
comment on function ledger.find_lost is
    'Gives up those of the silent processors whose lock is free or whose lease is over, and lists what processors that are gone left behind:
     a row for each attempt that runs, or one whose columns are null where all have ended. The caller says who has been silent, since
     which beat, and whether for longer than the lease: how long that is, it counts itself. It records attempt.lost and calls forget_claims.
     alone: no other job ran there; losses_alone: how many earlier losses said so of themselves.';

create or replace function ledger.forget_claims(p_processor uuid, p_claims uuid[] default null) returns void
language sql security definer set search_path = pg_catalog, ledger, pg_temp set jit = off set enable_seqscan = off
as $$
    delete from ledger.claims c
    where c.processor = p_processor and (p_claims is null or c.claim = any (p_claims))
      -- one's own, or of a processor that is gone
      and exists (select from ledger.processors p
                  where p.processor = p_processor and (p.login = session_user or p.stopped_at is not null or p.lost_at is not null))
$$;

create or replace function ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer)
returns table (job_id uuid, name text, attempt integer, failures integer, losses integer, max_attempts integer, timeout_ms integer,
               owner text, request_id uuid, correlation_id uuid, requested_at timestamptz, request text)
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    v_namespaces text[] := p_namespaces;
    v_names text[] := p_names;
    v_shares bigint[] := array[p_limit];
    v_first_id uuid;
    v_position integer;
begin
    perform ledger.keep_commits_durable();
    lock table ledger.events in row exclusive mode;
    if not exists (select from ledger.processors p
                   where p.processor = p_processor and p.login = session_user and p.stopped_at is null and p.lost_at is null) then
        raise exception 'processor % is not registered by this login, has stopped or was given up', p_processor using errcode = 'JL001';
    end if;
    if not exists (select from ledger.queue q
                   where q.namespace = any (p_namespaces) and q.name = any (p_names) and q.run_at is null) then
        return;
    end if;
    if cardinality(p_namespaces) * cardinality(p_names) <> 1 then
        -- Several lanes: see how the best p_limit jobs spread over them, so that no row is locked that is not taken.
        select array_agg(l.namespace), array_agg(l.name), array_agg(l.share) into v_namespaces, v_names, v_shares
        from (
            select b.namespace, b.name, count(*) as share
            from (
                select w.namespace, w.name
                from unnest(p_namespaces) s (namespace)
                cross join unnest(p_names) n (name)
                cross join lateral (
                    select q.namespace, q.name, q.priority, q.rank from ledger.queue q
                    where q.namespace = s.namespace and q.name = n.name and q.run_at is null
                    order by q.priority desc, q.rank limit p_limit) w
                order by w.priority desc, w.rank limit p_limit) b
            group by b.namespace, b.name) l;
    end if;
    v_first_id := ledger.new_id();
    v_position := ledger.take_positions(p_limit);
    return query
    with picked as materialized (
        select w.ctid
        from unnest(v_namespaces, v_names, v_shares) l (namespace, name, share)
        cross join lateral (
            select q.ctid from ledger.queue q
            where q.namespace = l.namespace and q.name = l.name and q.run_at is null
            order by q.priority desc, q.rank limit l.share for update skip locked) w
    ), taken as (
        delete from ledger.queue q using picked w where q.ctid = w.ctid returning q.job_id, q.rank
    ), settled as (
        -- a job that was asked to stop while it was being taken does not start
        update ledger.jobs j
        set status = case when j.cancel_requested_at is null then 'running' else 'cancelled' end,
            processor = case when j.cancel_requested_at is null then p_processor end,
            attempt = j.attempt + (j.cancel_requested_at is null)::integer,
            -- least: now() is when the transaction began, which may be before the one of an attempt that has ended meanwhile
            started_at = case when j.cancel_requested_at is null then least(j.started_at, now()) else j.started_at end,
            finished_at = case when j.cancel_requested_at is not null then now() end,
            run_at = null
        from (select t.job_id, t.rank from taken t order by t.job_id) t
        where j.job_id = t.job_id
        returning j.job_id, t.rank, j.priority, j.attempt, j.failures, j.losses, j.max_attempts, j.timeout_ms, j.owner, j.status,
                  j.namespace, j.name
    ), counted as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select namespace, name, status, count(*) as jobs from settled group by 1, 2, 3) t
        cross join lateral (values ('ready', -t.jobs), (t.status, t.jobs)) d (standing, jobs)
    ), started as (
        select s.* from settled s where s.status = 'running'
    ), logged as (
        insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, position, data)
        select ledger.nth_id(v_first_id, s.n), s.job_id,
               case when s.status = 'running' then 'attempt.started' else 'job.cancelled' end, 1, s.owner,
               session_user, now(), now(), (select ledger.current_epoch()), v_position + s.n - 1,
               (case when s.status = 'running' then '{"attempt":' || s.attempt || ',"processor":"' || p_processor || '"}'
                     else '{"attempt":null}' end)::json
        from (select row_number() over () as n, e.* from settled e) s
    ), claimed as (
        insert into ledger.claims (processor, claim, job_ids, attempts)
        select p_processor, p_claim, array_agg(s.job_id), array_agg(s.attempt) from started s having count(*) > 0
    )
    select s.job_id, s.name, s.attempt, s.failures, s.losses, s.max_attempts, s.timeout_ms, s.owner,
           e.id, e.correlation_id, e.recorded_at, e.data::text
    from started s join ledger.events e on e.job_id = s.job_id and e.type = 'job.requested'
    order by s.priority desc, s.rank;
end
$$;
comment on function ledger.claim is
    'Takes up to p_limit waiting jobs for this processor, the best first, and starts an attempt of each: one statement for all.';

create or replace function ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer)
returns table (sequenced integer, more boolean, new_work boolean, next_due timestamptz,
               job_id uuid, name text, attempt integer, failures integer, losses integer, max_attempts integer, timeout_ms integer,
               owner text, requested_at timestamptz, request text)
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
begin
    select s.sequenced, s.more, s.new_work, s.next_due into sequenced, more, new_work, next_due from ledger.sequence() s;
    if new_work and exists (
        select from ledger.processors p
        where p.processor = p_processor and p.login = session_user and p.stopped_at is null and p.lost_at is null)
    then
        return query
        select sequenced, more, new_work, next_due, c.job_id, c.name, c.attempt, c.failures, c.losses, c.max_attempts, c.timeout_ms,
               c.owner, c.requested_at, c.request
        from ledger.claim(p_processor, p_claim, p_namespaces, p_names, p_limit) c;
        if found then
            return;
        end if;
    end if;
    return next;
end
$$;
comment on function ledger.sequence_and_claim is 'What order_and_claim does, after ledger.sequence: as version 1 calls it.';

create or replace function ledger.order_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer)
returns table (sequenced integer, more boolean, new_work boolean, next_due timestamptz,
               job_id uuid, name text, attempt integer, failures integer, losses integer, max_attempts integer, timeout_ms integer,
               owner text, requested_at timestamptz, request text)
language plpgsql security definer set search_path = pg_catalog, ledger, pg_temp
as $$
begin
    select o.sequenced, o.more, o.new_work, o.next_due into sequenced, more, new_work, next_due from ledger.order_events() o;
    if new_work and exists (
        select from ledger.processors p
        where p.processor = p_processor and p.login = session_user and p.stopped_at is null and p.lost_at is null)
    then
        return query
        select sequenced, more, new_work, next_due, c.job_id, c.name, c.attempt, c.failures, c.losses, c.max_attempts, c.timeout_ms,
               c.owner, c.requested_at, c.request
        from ledger.claim(p_processor, p_claim, p_namespaces, p_names, p_limit) c;
        if found then
            return;
        end if;
    end if;
    return next;
end
$$;
comment on function ledger.order_and_claim is
    'A pass, and with it a claim where the pass has brought work: a job that arrives while its processor is at rest then waits
     for one commit less. Always at least one row; a pass without a claim has no job_id.';

create or replace function ledger.refuse_record(p_why text) returns json
language plpgsql
as $$
begin
    raise exception 'not recorded: %', p_why using errcode = 'JL002';
end
$$;

create or replace function ledger.record(
    p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamptz[], p_data text[])
returns table (job_id uuid, attempt integer, type text)
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    v_count integer := cardinality(p_ids);
    v_position integer;
begin
    perform ledger.keep_commits_durable();
    lock table ledger.events in row exclusive mode;
    if not p_types <@ array['attempt.progressed', 'attempt.logged', 'step.completed', 'attempt.failed', 'attempt.deferred',
                            'attempt.lost', 'job.completed', 'job.failed', 'job.cancelled'] then
        raise exception 'a processor records what happens in attempts, and nothing else' using errcode = 'JL002';
    end if;
    if not exists (select from ledger.processors p
                   where p.processor = p_processor
                     -- of a processor that is gone, any other may say what was lost with it
                     and (p.login = session_user
                          or (p.stopped_at is not null or p.lost_at is not null) and p_types <@ array['attempt.lost', 'job.failed'])) then
        raise exception 'processor % was registered by another login, or never', p_processor using errcode = 'JL001';
    end if;
    perform ledger.refuse_unreadable(d.data) from unnest(p_data) d (data) where ledger.is_suspect(d.data);
    if p_types && array['attempt.failed', 'attempt.deferred', 'attempt.lost'] and not (
        select ledger.are_times(array_agg(t.at))
        from unnest(p_types, p_data) a (type, data)
        cross join lateral (values (case when a.type = 'attempt.deferred' then a.data::json ->> 'until'
                                         when a.type in ('attempt.failed', 'attempt.lost') then a.data::json ->> 'retry_at' end)) t (at)
        where t.at is not null) then
        raise exception 'until and retry_at must be RFC 3339 times with an offset, in the years 1600 to 8999' using errcode = 'invalid_datetime_format';
    end if;
    if p_types && array['attempt.progressed', 'attempt.logged', 'step.completed'] then
        -- Attempts that only report are held too, so that no one takes the job away between this look and the commit.
        perform 1 from ledger.jobs j where j.job_id = any (p_job_ids) order by j.job_id for no key update;
    end if;
    v_position := ledger.take_positions(2 * v_count);
    return query
    with arrived as materialized (
        select a.n, a.id, a.job_id, a.attempt, a.type, a.occurred_at,
               case when (a.data::json -> case a.type when 'job.failed' then 'attempts' else 'attempt' end)::text = a.attempt::text
                    then a.data::json else ledger.refuse_record('data is not an object that names its attempt') end as data,
               a.type in ('job.completed', 'job.failed', 'job.cancelled', 'attempt.failed', 'attempt.deferred', 'attempt.lost') as ends
        from unnest(p_ids, p_job_ids, p_attempts, p_types, p_occurred_at, p_data) with ordinality a (id, job_id, attempt, type, occurred_at, data, n)
    ), ending as (
        select a.job_id, a.attempt,
               coalesce(
                   max(case a.type when 'job.completed' then 'completed' when 'job.failed' then 'failed'
                                   when 'job.cancelled' then 'cancelled' end),
                   max(case when a.type in ('attempt.failed', 'attempt.lost') and a.data ->> 'retry_at' is null then 'failed' end))
                   as status,
               max(case a.type when 'attempt.deferred' then a.data ->> 'until'
                               when 'attempt.failed' then a.data ->> 'retry_at'
                               when 'attempt.lost' then a.data ->> 'retry_at' end)::timestamptz as run_at,
               count(*) filter (where a.type = 'attempt.failed') as failed,
               count(*) filter (where a.type = 'attempt.lost') as lost,
               case when count(*) > 2 or count(*) = 2 and (count(*) filter (where a.type in ('attempt.failed', 'attempt.lost')) <> 1
                                                           or count(*) filter (where a.type = 'job.failed') <> 1)
                    then ledger.refuse_record('an attempt ends once; only a last failure or loss goes with a job.failed')::text::bigint
                    when count(*) = 1 then min(a.n) end as n
        from arrived a where a.ends
        group by a.job_id, a.attempt
        order by a.job_id
    ), holder as materialized (
        -- As constants these would tell the planner that next to no job fits, and it would read all of them for each event.
        select e.*, p_processor as processor, 'running'::text as running from ending e
    ), ended as (
        update ledger.jobs j
        set status = coalesce(e.status, case when j.cancel_requested_at is null then 'pending' else 'cancelled' end),
            finished_at = case when e.status is not null or j.cancel_requested_at is not null then now() end,
            run_at = case when e.status is null and j.cancel_requested_at is null then e.run_at end,
            failures = j.failures + e.failed, losses = j.losses + e.lost, processor = null
        from holder e
        where j.job_id = e.job_id and j.attempt = e.attempt and j.processor = e.processor and j.status = e.running
        returning j.job_id, j.attempt, j.owner, j.status, j.seq, j.run_at, j.expires_at, j.priority, j.namespace, j.name,
                  e.status is null and j.status = 'cancelled' as cancelled_here, e.failed + e.lost > 0 as tried, e.n
    ), going_on as (
        select j.job_id, j.attempt
        from (select distinct a.job_id, a.attempt, p_processor as processor, 'running'::text as running from arrived a
              where not a.ends offset 0) r
        join ledger.jobs j on j.job_id = r.job_id
        where j.attempt = r.attempt and j.processor = r.processor and j.status = r.running
    ), fenced as materialized (
        select e.job_id, e.attempt from ended e union all select g.job_id, g.attempt from going_on g
    ), requeued as (
        insert into ledger.queue (job_id, seq, run_at, expires_at, priority, namespace, name, reason, rank)
        select e.job_id, e.seq, case when e.run_at > now() then e.run_at end, e.expires_at, e.priority, e.namespace, e.name,
               case when e.run_at > now() then case when e.tried then 'retrying' else 'due' end end, e.seq
        from ended e where e.status = 'pending'
    ), counted as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select e.namespace, e.name, case when e.status <> 'pending' then e.status when e.run_at > now() then 'scheduled'
                                               else 'ready' end as standing, count(*) as jobs
              from ended e group by 1, 2, 3) t
        cross join lateral (values ('running', -t.jobs), (t.standing, t.jobs)) d (standing, jobs)
    ), examined as materialized (
        -- what is left when an attempt's only event was its end, which most are.
        -- "in" over a CTE is a hash lookup, where a join would compare each with each
        select a.*, j.owner, (a.job_id, a.attempt) in (select f.job_id, f.attempt from fenced f) as holds
        from arrived a join ledger.jobs j on j.job_id = a.job_id
        where a.n not in (select e.n from ended e where e.n is not null)
    ), too_late as (
        -- what was recorded before and is only being sent again is not late
        select g.* from examined g
        where not g.holds and not exists (select from ledger.events k where k.id = g.id)
    ), concluded as (
        insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data, position)
        select p_ids[e.n], e.job_id, p_types[e.n], 1, e.owner, session_user, p_occurred_at[e.n], now(), (select ledger.current_epoch()),
               p_data[e.n]::json, v_position + e.n - 1
        from ended e where e.n is not null
    ), appended as (
        insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data, position)
        select g.id, g.job_id, g.type, 1, g.owner, session_user, g.occurred_at, now(), (select ledger.current_epoch()), g.data,
               v_position + g.n - 1
        from examined g where g.holds
        union all
        select ledger.new_id(), e.job_id, 'job.cancelled', 1, e.owner, session_user, now(), now(), (select ledger.current_epoch()),
               json_build_object('attempt', e.attempt), v_position + v_count + row_number() over () - 1  -- after what ended them
        from ended e where e.cancelled_here
        union all
        select l.id, l.job_id, 'attempt.superseded', 1, l.owner, session_user, l.occurred_at, now(), (select ledger.current_epoch()),
               json_build_object('attempt', l.attempt, 'processor', p_processor,
                                 'late', json_build_object('type', l.type, 'data', l.data)), v_position + l.n - 1
        from too_late l
        on conflict (id) do nothing
    )
    select l.job_id, l.attempt, l.type from too_late l;
end
$$;
comment on function ledger.record is
    'Appends what happened in attempts of this processor, with its effect on ledger.jobs, for a whole batch. An attempt that is no
     longer this processor''s changes nothing: what it sent is kept as attempt.superseded and given back. Sending again is harmless.';

create or replace function ledger.refuse_unreadable(p_data text) returns void
language plpgsql
as $$
declare
    v_why text := ledger.why_unreadable(p_data);
begin
    if v_why is not null then
        raise exception 'not every reader could read what is to be recorded: %', v_why using errcode = 'invalid_parameter_value';
    end if;
end
$$;

create or replace function ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) returns setof uuid
language sql stable security definer set search_path = pg_catalog, ledger, pg_temp set jit = off set enable_seqscan = off
as $$
    select j.job_id from ledger.jobs j
    where j.job_id = any (p_job_ids) and j.processor = p_processor and j.cancel_requested_at is not null
$$;
comment on function ledger.find_cancelled is 'Which of these running jobs were asked to stop.';

create or replace function ledger.completed_steps(p_job_ids uuid[]) returns table (job_id uuid, data text)
language sql stable security definer set search_path = pg_catalog, ledger, pg_temp set jit = off set enable_seqscan = off
as $$
    select e.job_id, e.data::text from ledger.events e
    where e.job_id = any (p_job_ids) and e.type = 'step.completed' order by e.txid, e.position, e.id
$$;


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: the doors for clients
--
-- A client's event is refused, never an error: it takes its place in the replica's numbers, its neighbours pass, and its
-- author is told why. A batch is judged by one statement; only when one of its events breaks that statement is each
-- judged by a statement of its own, so that the one is found and the others pass.

-- What a regular expression costs is the making of its states, anew at each call: asked of a batch at once, it costs a twentieth.
create or replace function ledger.all_match(p_texts text[], p_pattern text) returns boolean
language plpgsql immutable
as $$
declare
    v_text text := array_to_string(p_texts, ',', '') || ',';
begin
    -- as many commas as texts: each ends one, and none stands within one
    return octet_length(v_text) - octet_length(replace(v_text, ',', '')) = cardinality(p_texts) and v_text ~ ('^(' || p_pattern || ',)*$');
end
$$;
comment on function ledger.all_match is 'Whether every one of the texts, whole, is what the pattern says. It must not match a comma.';

create or replace function ledger.are_uuids(p_texts text[]) returns boolean
language sql immutable
return ledger.all_match(p_texts, '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}');

create or replace function ledger.as_uuid(p_text text) returns uuid
language sql immutable
return case when ledger.are_uuids(array[p_text]) then p_text::uuid end;
comment on function ledger.as_uuid is 'The UUID that a text spells, or null.';

create or replace function ledger.are_times(p_texts text[]) returns boolean
language sql immutable
-- RFC 3339 with an offset, in the years that every reader's calendar knows, also after a shift to another zone
return ledger.all_match(p_texts,
    '(1[6-9]|[2-8]\d)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)');
comment on function ledger.are_times is 'Whether the texts look like times; whether there are such days, the cast tells.';

create or replace function ledger.is_time(p_text text) returns boolean
language sql immutable
return case when p_text is not null then ledger.are_times(array[p_text]) end;

create or replace function ledger.is_deeper(p_data text, p_depth integer) returns boolean
language plpgsql immutable
as $$
declare
    v_brackets text;
begin
    -- A text that never ends is taken to the end as well: otherwise the search starts again at each of its quotes.
    v_brackets := translate(regexp_replace(regexp_replace(p_data, '"([^"\\]|\\.)*"?', '', 'g'), '[^][{}]', '', 'g'), '{}', '[]');
    for i in 1 .. p_depth loop
        exit when v_brackets = '';
        v_brackets := replace(v_brackets, '[]', '');
    end loop;
    return v_brackets <> '';
end
$$;
comment on function ledger.is_deeper is 'Whether a JSON text nests deeper than so many levels.';

-- What every reader can read, of JSON as such; ledger/model/readable.py says the same bounds for what is written in Python. A number has
-- at most 640 digits, which Python reads however it is set, and one with a fraction or an exponent is one that a double can hold.

create or replace function ledger.has_suspect_number(p_data text) returns boolean
language sql immutable
return p_data ~ '[,:[[:space:]]-?[0-9.]+[eE][+-]?[0-9]{3}' or octet_length(p_data) > 200 and p_data ~ '[0-9]{200}';
comment on function ledger.has_suspect_number is 'Whether there may be an unreadable number, in a text or outside of one. Quick.';

create or replace function ledger.unreadable_number(p_data text) returns text
language sql immutable
begin atomic
    select left(n.parts[1] || n.parts[2], 20)
    from regexp_matches(regexp_replace(p_data, '"([^"\\]|\\.)*"?', '""', 'g'),
                        '([0-9]+)((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)', 'g') n (parts)
    where case when length(n.parts[1]) + length(n.parts[2]) > 640 then true
               when n.parts[2] ~ '[eE][+-]?[0-9]{4}' then true
               when n.parts[2] <> '' then (n.parts[1] || n.parts[2])::numeric >= 1.7976931348623158e308
               else false end
    limit 1;
end;
comment on function ledger.unreadable_number is 'The first number in a JSON text that not every reader can read, or its beginning; or null.';

create or replace function ledger.place_of_number(p_data json) returns text
language plpgsql immutable
as $$
begin
    return (
        select e.key || coalesce('.' || (
                   select f.key from json_each(case when json_typeof(e.value) = 'object' then e.value end) f
                   where ledger.unreadable_number(f.value::text) is not null limit 1), '')
        from json_each(p_data) e where ledger.unreadable_number(e.value::text) is not null limit 1);
end
$$;
comment on function ledger.place_of_number is 'The field, or the field of a field, that holds an unreadable number; null where none does.';

create or replace function ledger.why_unreadable(p_data text) returns text
language plpgsql immutable
as $$
begin
    -- first from outside: a text is not parsed before it is known not to be too deep
    if octet_length(p_data) - octet_length(replace(replace(p_data, '{', ''), '[', '')) > 128 and ledger.is_deeper(p_data, 128) then
        return 'it nests deeper than 128 levels';
    elsif ledger.has_suspect_number(p_data) and ledger.unreadable_number(p_data) is not null then
        return format('the number %s...: no more than 640 digits, and below 1.8e308', ledger.unreadable_number(p_data));
    elsif jsonb_typeof(p_data::jsonb) <> 'object' then  -- jsonb refuses NUL and half of a surrogate pair as well
        return 'it is not a JSON object';
    end if;
    return null;
exception when data_exception or program_limit_exceeded or statement_too_complex then
    return sqlerrm;
end
$$;
comment on function ledger.why_unreadable is 'Why not every reader can read this as the data of an event, or null.';

create or replace function ledger.is_suspect(p_data text) returns boolean
language sql immutable
return p_data not like '{%' or strpos(p_data, '\u') > 0
       or ledger.has_suspect_number(p_data)
       or octet_length(p_data) > 128 and octet_length(p_data) - octet_length(replace(replace(p_data, '{', ''), '[', '')) > 128;
comment on function ledger.is_suspect is 'Whether why_unreadable has to be asked. Quick.';

create or replace function ledger.judge(p_type text, p_v integer, p_data text) returns table (verdict text)
language sql stable
begin atomic
    -- A set of one row, so that the planner takes it into the statement that judges a batch: a call an event would cost as much
    -- again. A field that is null in the JSON is null here, as if it were absent.
    select case
        when o.verdict is not null then o.verdict
        when p_type = 'job.cancel_requested' then
            case when json_typeof(r.reason) <> 'string' or length(r.reason #>> '{}') > 2000
                 then 'invalid: reason must be a text of at most 2000 characters' end
        when p_type = 'job.signalled' then case
            when json_typeof(r.name) is distinct from 'string' or length(r.name #>> '{}') not between 1 and 200
                then 'invalid: name must be a text of 1 to 200 characters'
            when ledger.has_suspect_number(o.data) and ledger.unreadable_number(o.data) is not null
                then format('invalid: %s holds a number that not every reader can read: no more than 640 digits, and below 1.8e308',
                            ledger.place_of_number(o.data::json)) end
        when json_typeof(r.name) is distinct from 'string' or length(r.name #>> '{}') not between 1 and 200
            then 'invalid: name must be a text of 1 to 200 characters'
        when json_typeof(r.namespace) <> 'string' or length(r.namespace #>> '{}') not between 1 and 100
            then 'invalid: namespace must be a text of 1 to 100 characters'
        when json_typeof(r.params) <> 'object' then 'invalid: params must be a JSON object'
        when r.priority::text !~ '^-?\d{1,5}$' or r.priority::text::integer not between -32768 and 32767
            then 'invalid: priority must be a whole number from -32768 to 32767'
        when json_typeof(r.run_at) <> 'string' or not ledger.is_time(r.run_at #>> '{}')
            then 'invalid: run_at must be an RFC 3339 time with an offset'
        when json_typeof(r.key) <> 'string' or length(r.key #>> '{}') not between 1 and 200
            then 'invalid: key must be a text of 1 to 200 characters'
        when json_typeof(r.labels) <> 'object' then 'invalid: labels must be a JSON object'
        when json_typeof(r.retry_of) <> 'string' or r.retry_of is not null and ledger.as_uuid(r.retry_of #>> '{}') is null
            then 'invalid: retry_of must be a UUID'
        when json_typeof(r.parent) <> 'string' or r.parent is not null and ledger.as_uuid(r.parent #>> '{}') is null
            then 'invalid: parent must be a UUID'
        when json_typeof(r.order_key) <> 'string' or length(r.order_key #>> '{}') not between 1 and 200
            then 'invalid: order_key must be a text of 1 to 200 characters'
        when json_typeof(r.unique) <> 'object' then 'invalid: unique must be a JSON object'
        when json_typeof(r.traceparent) <> 'string' or r.traceparent #>> '{}' !~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
            then 'invalid: traceparent must be as W3C Trace Context has it'
        when json_typeof(r.files) <> 'object'
             or exists (select from json_each(case when json_typeof(r.files) = 'object' then r.files end) f where json_typeof(f.value) <> 'object')
            then 'invalid: files must be a JSON object of JSON objects'
        when json_typeof(r.limits) <> 'object' then 'invalid: limits must be a JSON object'
        -- no such day: then the cast raises
        when not isfinite((r.run_at #>> '{}')::timestamptz) then 'invalid: run_at is never'
        when ledger.has_suspect_number(o.data) and ledger.unreadable_number(o.data) is not null
            then format('invalid: %s holds a number that not every reader can read: no more than 640 digits, and below 1.8e308',
                        ledger.place_of_number(o.data::json))
        else coalesce(
            case when r.limits is not null then (
                select case
                    when l.max_attempts::text !~ '^\d{1,4}$' or l.max_attempts::text::integer not between 1 and 1000
                        then 'invalid: limits.max_attempts must be a whole number from 1 to 1000'
                    when l.timeout::text !~ '^\d{1,6}(\.\d{1,6})?$' or l.timeout::text::numeric not between 0.001 and 604800
                        then 'invalid: limits.timeout must be a number of seconds from 0.001 to 604800'
                    when json_typeof(l.expires_at) <> 'string' or not ledger.is_time(l.expires_at #>> '{}')
                        then 'invalid: limits.expires_at must be an RFC 3339 time with an offset'
                    when not isfinite((l.expires_at #>> '{}')::timestamptz) then 'invalid: limits.expires_at is never'
                end
                from json_to_record(r.limits) l (max_attempts json, timeout json, expires_at json)) end,
            case when octet_length(o.data) > (select l.max_params_bytes from ledger.limits l)
                  and octet_length(r.params::text) > (select l.max_params_bytes from ledger.limits l)
                 then format('too_large: params has %s bytes; the limit is %s', octet_length(r.params::text),
                             (select l.max_params_bytes from ledger.limits l)) end,
            case when (r.limits ->> 'expires_at')::timestamptz <= now()
                 then format('expired: the job was to be done by %s', r.limits ->> 'expires_at') end)
        end
    from (
        -- first from outside: a text is not parsed before it is known to be neither too long nor too deep
        select case
            when p_type is null or p_type not in ('job.requested', 'job.cancel_requested', 'job.signalled')
                then 'not_allowed: clients write job.requested, job.cancel_requested and job.signalled only'
            when p_v is distinct from 1 then format('unknown_version: version %s of %s is not known here', p_v, p_type)
            when e.data is null then 'invalid: data is missing'
            when octet_length(e.data) > (select least(l.max_event_bytes, l.max_batch_bytes) from ledger.limits l)
                then format('too_large: data has %s bytes; the limit is %s', octet_length(e.data),
                            (select least(l.max_event_bytes, l.max_batch_bytes) from ledger.limits l))
            when octet_length(e.data) - octet_length(replace(replace(e.data, '{', ''), '[', '')) > (select l.max_json_depth from ledger.limits l)
                 and ledger.is_deeper(e.data, (select l.max_json_depth from ledger.limits l))
                then format('too_large: data nests deeper than %s levels', (select l.max_json_depth from ledger.limits l))
            -- jsonb is stricter: it refuses NUL and half of a surrogate pair, which not every reader can hold
            when case when strpos(e.data, '\u') > 0 and json_typeof(e.data::json) is not null then jsonb_typeof(e.data::jsonb)
                      when e.data like '{%' then 'object'
                      else json_typeof(e.data::json) end <> 'object' then 'invalid: data must be a JSON object'
            end as verdict, e.data
        from (select p_data as data offset 0) e  -- a constant would be cast before anything else
        offset 0
    ) o,
    json_to_record(case when o.verdict is null then o.data::json end)
        as r (name json, namespace json, params json, priority json, run_at json, limits json, key json, labels json, retry_of json,
              parent json, reason json, order_key json, "unique" json, traceparent json, files json);
end;
comment on function ledger.judge is
    'What is wrong with a client''s event in itself, as "code: detail", or null. Strict, so that what passes here can be read by
     every reader later. Raises a data exception for what is not JSON.';

create or replace function ledger.owner_for(p_on_behalf_of text) returns text
language sql stable
as $$
    select case
        when p_on_behalf_of is null or p_on_behalf_of = session_user then session_user::text
        when length(p_on_behalf_of) between 1 and 200
             and exists (select from ledger.delegations d
                         where d.actor = session_user and (d.owner is null or d.owner = p_on_behalf_of)) then p_on_behalf_of
        end
$$;
comment on function ledger.owner_for is 'Whose events this session writes and reads when it names an owner: null where it may not act for that one.';

create or replace function ledger.delegate(p_actor text, p_owner text, p_may boolean) returns boolean
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp set standard_conforming_strings = on
as $$
declare
    v_changed boolean;
begin
    perform ledger.insist_on_read_committed();
    if p_actor is null or p_may is null or length(p_owner) not between 1 and 200 then
        raise exception 'a delegation names a login, and an owner of 1 to 200 characters' using errcode = 'invalid_parameter_value';
    end if;
    lock table ledger.events in row exclusive mode;
    if p_may then
        insert into ledger.delegations (actor, owner) values (p_actor, p_owner) on conflict do nothing;
    else
        delete from ledger.delegations d where d.actor = p_actor and d.owner is not distinct from p_owner;
    end if;
    v_changed := found;
    if v_changed then
        perform ledger.append_event(case when p_may then 'delegation.granted' else 'delegation.revoked' end, p_actor,
                                    json_build_object('login', p_actor, 'owner', p_owner));
    end if;
    return v_changed;
end
$$;
comment on function ledger.delegate is
    'Lets a login act on behalf of an owner (null: of every owner), or no longer. Tells whether that changed anything. No group
     has it: it is for the owner of the ledger.';

create or replace function ledger.keep_commits_durable() returns void
language plpgsql
as $$
begin
    -- an acknowledged event is on disk, whatever was set for the session, its role or the database
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
end
$$;

create or replace function ledger.admit(
    p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[],
    p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) returns void
language plpgsql
as $$
declare
    v_uuids boolean := ledger.are_uuids(p_ids || p_job_ids);
    v_times boolean := ledger.are_times(p_occurred_at);
    v_position integer := ledger.take_positions(cardinality(p_ids));
begin
    with examined as materialized (
        select a.*, k.id is not null as known,
            case
                when a.id is null or a.job_id is null then 'invalid: id and job_id must be UUIDs'
                when not a.is_timed then 'invalid: occurred_at must be an RFC 3339 time with an offset'
                when k.id is not null then
                    case when (k.owner, k.job_id, k.type, k.data::text) is distinct from (p_owner, a.job_id, a.type, a.data)
                         then 'id_conflict: another event has this id' end
                else coalesce(g.verdict,
                    case when a.type = 'job.requested' and r.id is not null then 'id_conflict: this job was requested before'
                         when a.type in ('job.cancel_requested', 'job.signalled') and r.owner <> p_owner then 'not_yours: no such job of yours' end)
            end as verdict
        from (
            select case when v_uuids then a.id::uuid else ledger.as_uuid(a.id) end as id,
                   case when v_uuids then a.job_id::uuid else ledger.as_uuid(a.job_id) end as job_id,
                   v_times or coalesce(ledger.is_time(a.occurred_at), false) as is_timed, a.id as sent_id, a.job_id as sent_job_id,
                   a.type, a.v, a.occurred_at, a.correlation_id, a.causation_id, a.data, p_before + a.n as seq
            from unnest(p_ids, p_job_ids, p_types, p_versions, p_occurred_at, p_correlation_ids, p_causation_ids, p_data)
                 with ordinality a (id, job_id, type, v, occurred_at, correlation_id, causation_id, data, n)
            offset 0
        ) a
        left join ledger.events k on k.id = a.id
        left join ledger.events r on r.job_id = a.job_id and r.type = 'job.requested'
        cross join lateral ledger.judge(a.type, a.v,  -- what is refused from outside, or known, is not read
            case when a.id is not null and a.job_id is not null and a.is_timed and k.id is null then a.data end) g
    ), refused as (
        insert into ledger.refusals (replica_id, replica_seq, event_id, job_id, owner, code, detail, type, data)
        select p_replica, j.seq, coalesce(j.sent_id, ''), left(j.sent_job_id, 200), p_owner,
               split_part(j.verdict, ': ', 1), substr(j.verdict, strpos(j.verdict, ': ') + 2), left(j.type, 200), left(j.data, 10000)
        from examined j where j.verdict is not null
    )
    insert into ledger.events
        (id, job_id, type, v, owner, actor, replica_id, replica_seq, occurred_at, recorded_at, correlation_id, causation_id, life, data,
         position)
    select j.id, j.job_id, j.type, j.v, p_owner, p_actor, p_replica, j.seq, j.occurred_at::timestamptz,
           now(), j.correlation_id::uuid, j.causation_id::uuid, (select ledger.current_epoch()), j.data::json,
           v_position + (j.seq - p_before)::integer - 1
    from examined j where j.verdict is null and not j.known;
end
$$;

create or replace function ledger.admit_one_by_one(
    p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[],
    p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) returns void
language plpgsql
as $$
declare
    v_retried boolean;
begin
    for i in 1 .. cardinality(p_ids) loop
        v_retried := false;
        loop
            begin
                perform ledger.admit(p_owner, p_actor, p_replica, p_before + i - 1, p_ids[i:i], p_job_ids[i:i], p_types[i:i],
                    p_versions[i:i], p_occurred_at[i:i], p_correlation_ids[i:i], p_causation_ids[i:i], p_data[i:i]);
                exit;
            exception
                when unique_violation then
                    -- someone else wrote the same id at the same moment: now it can be seen, so judge again
                    if v_retried then
                        raise;
                    end if;
                    v_retried := true;
                when data_exception or integrity_constraint_violation or program_limit_exceeded then
                    insert into ledger.refusals (replica_id, replica_seq, event_id, job_id, owner, code, detail, type, data)
                    values (p_replica, p_before + i, coalesce(p_ids[i], ''), left(p_job_ids[i], 200), p_owner, 'invalid', left(sqlerrm, 2000),
                            left(p_types[i], 200), left(p_data[i], 10000));
                    exit;
            end;
        end loop;
    end loop;
end
$$;

create or replace function ledger.note_divergence(p_owner text, p_replica uuid, p_what text, p_at bigint, p_epoch smallint, p_data json) returns void
language plpgsql
as $$
begin
    insert into ledger.replica_turns (replica_id, what, at, life) values (p_replica, p_what, p_at, p_epoch) on conflict do nothing;
    if found then
        perform ledger.append_event(p_what, p_owner, p_data);
    end if;
end
$$;
comment on function ledger.note_divergence is 'Leaves an event that an auditor can find; asking again leaves no second one.';

create or replace function ledger.hello(client json default '{}', on_behalf_of text default null) returns json
language sql stable security definer set search_path = pg_catalog, ledger, pg_temp
as $$
    with theirs as (
        -- what is no number is as if it were not there: 0.1.0 speaks protocol 1, and does not say so
        select case when client #>> '{protocol,oldest}' ~ '^[0-9]{1,9}$' then (client #>> '{protocol,oldest}')::integer else 1 end as oldest,
               case when client #>> '{protocol,newest}' ~ '^[0-9]{1,9}$' then (client #>> '{protocol,newest}')::integer else 1 end as newest
    ), ours (oldest, newest) as (
        values (1, 1)
    )
    select json_build_object(
        'protocol', (
            select json_build_object('oldest', o.oldest, 'newest', o.newest, 'spoken',
                case when greatest(o.oldest, t.oldest) <= least(o.newest, t.newest) then least(o.newest, t.newest) end)
            from ours o, theirs t),
        'schema', (select max(v.version) from ledger.schema_version v),
        'epoch', (select l.epoch from ledger.sequencer s join ledger.lives l on l.life = s.life),
        'login', session_user,
        'owner', ledger.owner_for(on_behalf_of),
        'limits', (
            select json_build_object('max_event_bytes', l.max_event_bytes, 'max_params_bytes', l.max_params_bytes,
                                     'max_json_depth', l.max_json_depth, 'max_batch_events', l.max_batch_events,
                                     'max_batch_bytes', l.max_batch_bytes)
            from ledger.limits l),
        'time', clock_timestamp(),
        'capabilities', json_build_object('accepts', array['job.requested', 'job.cancel_requested', 'job.signalled']))
$$;
comment on function ledger.hello is
    'What a client has to know before it sends or reads, in one question. Both sides give one open JSON object: keys that are not known
     are ignored, and may come at any time. The client may say {"protocol": {"oldest", "newest"}, "version", "capabilities": {}}: which
     numbers of the client protocol it speaks (1 and 1 where it says none), and for whoever reads logs, which program it is. The answer is
     {"protocol": {"oldest", "newest", "spoken"}: what is spoken here, and the highest number that both speak; null: none, so nothing that
      follows is to be relied on, and the one with the lower numbers has to be upgraded;
      "schema": the version of this file; "epoch": as ledger.pull gives it;
      "login": who this session is; "owner": whose events it writes and reads, null where it may not act on behalf of that one;
      "limits": {"max_event_bytes", "max_params_bytes", "max_json_depth", "max_batch_events", "max_batch_bytes"}, see ledger.limits;
      "time": the server''s clock;
      "capabilities": {"accepts": the types of events that a client may push}}.
     Clients of 0.1.0 do not know it. They read ledger.limits and call ledger.push and ledger.pull, which stay as they are.';

create or replace function ledger.push(
    replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[],
    occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text default null) returns json
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
set plan_cache_mode = force_generic_plan
set standard_conforming_strings = on  -- the texts in what it calls are read when a session first calls it
as $$
#variable_conflict use_variable
declare
    v_owner text := ledger.owner_for(on_behalf_of);
    v_count integer := coalesce(cardinality(ids), 0);
    v_epoch smallint;
    v_its_epoch smallint;
    v_head bigint;
    v_early boolean;
    v_from integer;
    v_forked_at bigint;
begin
    perform ledger.insist_on_read_committed();
    perform ledger.keep_commits_durable();
    -- What is turned away as a whole takes no lock that would stay until its transaction ends.
    if v_owner is null then
        return json_build_object('reply', 'refused', 'code', 'not_allowed', 'detail', 'this login may not act on behalf of that owner');
    end if;
    if replica_id is null or base_seq is null or base_seq < 0 then
        return json_build_object('reply', 'refused', 'code', 'invalid', 'detail', 'a push names its replica, and a base of 0 or more');
    end if;
    -- Slices and unnest mean what is said here only for arrays that begin at 1, have one dimension and are of one length.
    if v_count > 0 and exists (select from unnest(array[
           array_dims(ids), array_dims(job_ids), array_dims(types), array_dims(versions), array_dims(occurred_at),
           array_dims(correlation_ids), array_dims(causation_ids), array_dims(data)]) d
           where d is distinct from format('[1:%s]', v_count)) then
        return json_build_object('reply', 'refused', 'code', 'invalid', 'detail', 'the arrays differ in length or shape');
    end if;
    -- One event alone is judged by itself, however large: turned away here, it would hold up all that come after it.
    if (select v_count > l.max_batch_events
               or v_count > 1 and coalesce((select sum(octet_length(d)) from unnest(data) d), 0) > l.max_batch_bytes
               or pg_column_size(ids) + pg_column_size(job_ids) + pg_column_size(types) + pg_column_size(occurred_at)
                  + pg_column_size(correlation_ids) + pg_column_size(causation_ids) > l.max_batch_bytes
        from ledger.limits l) then
        return json_build_object('reply', 'refused', 'code', 'too_large', 'detail',
            (select format('a push carries at most %s events and %s bytes', l.max_batch_events, l.max_batch_bytes) from ledger.limits l));
    end if;
    lock table ledger.events in row exclusive mode;
    v_epoch := ledger.current_epoch();  -- it stays until this transaction ends: see begin_epoch
    for v_look in 1..2 loop
        select r.head, r.life, r.life = v_epoch and r.txid > pg_current_xact_id() into v_head, v_its_epoch, v_early
        from ledger.replicas r where r.replica_id = push.replica_id and r.owner = v_owner for update;
        -- Somebody else's replica is neither locked nor waited for, and the answer says nothing about it.
        exit when v_look = 2 or v_head is not null or exists (select from ledger.replicas r where r.replica_id = push.replica_id);
        insert into ledger.replicas (replica_id, owner, head, life) values (replica_id, v_owner, 0, v_epoch) on conflict do nothing;
    end loop;
    if v_head is null then
        return json_build_object('reply', 'refused', 'code', 'not_yours', 'detail', 'this replica belongs to someone else');
    elsif v_early then
        -- the log goes by transaction ids, so this one's events would come before those that the replica wrote earlier
        raise exception 'a younger transaction has pushed for replica % meanwhile', replica_id
            using errcode = 'serialization_failure', hint = 'push again, in a transaction of its own';
    end if;
    if base_seq > v_head then
        perform ledger.note_divergence(v_owner, replica_id, 'replica.rewound', v_head, v_its_epoch, json_build_object(
            'replica', replica_id, 'head', v_head, 'client_had', base_seq));
        return json_build_object('reply', 'behind', 'head', v_head);
    end if;

    -- What overlaps must be what was taken before, number by number; a copied or restored file shows here.
    v_from := least(v_head - base_seq, v_count)::integer;
    select min(base_seq + o.n) into v_forked_at
    from unnest(ids[:v_from]) with ordinality o (id, n)
    where not exists (select from ledger.events e where e.id = ledger.as_uuid(o.id) and e.owner = v_owner)
      and not exists (select from ledger.refusals f
                      where f.replica_id = push.replica_id and f.replica_seq = base_seq + o.n and f.event_id = o.id);
    if v_forked_at is not null then
        perform ledger.note_divergence(v_owner, replica_id, 'replica.forked', v_forked_at, v_its_epoch, json_build_object(
            'replica', replica_id, 'at', v_forked_at, 'head', v_head));
        return json_build_object('reply', 'forked', 'at', v_forked_at, 'head', v_head);
    end if;

    if v_count > v_from then
        begin
            perform ledger.admit(v_owner, session_user, replica_id, v_head, ids[v_from + 1:], job_ids[v_from + 1:], types[v_from + 1:],
                versions[v_from + 1:], occurred_at[v_from + 1:], correlation_ids[v_from + 1:], causation_ids[v_from + 1:], data[v_from + 1:]);
        exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
            perform ledger.admit_one_by_one(v_owner, session_user, replica_id, v_head, ids[v_from + 1:], job_ids[v_from + 1:], types[v_from + 1:],
                versions[v_from + 1:], occurred_at[v_from + 1:], correlation_ids[v_from + 1:], causation_ids[v_from + 1:], data[v_from + 1:]);
        end;
        v_head := base_seq + v_count;
        update ledger.replicas r
        set head = v_head, life = v_epoch, txid = pg_current_xact_id(), last_seen_at = now()
        where r.replica_id = push.replica_id;
    end if;
    return json_build_object('reply', 'accepted', 'head', v_head, 'time', now(), 'refused', coalesce((
        select json_agg(json_build_object('seq', f.replica_seq, 'event_id', f.event_id, 'job_id', f.job_id,
                                          'code', f.code, 'detail', f.detail) order by f.replica_seq)
        from ledger.refusals f
        where f.replica_id = push.replica_id and f.replica_seq > base_seq and f.replica_seq <= base_seq + v_count), '[]'::json));
end
$$;
comment on function ledger.push is
    'Takes a replica''s events with the numbers base_seq + 1 and up; a null among the texts is an absent value. The owner is this
     login, or whom it acts on behalf of and may; the actor is this login in any case. Answers
     {"reply": "accepted", "head", "time", "refused": [{seq, event_id, job_id, code, detail}]}: all but the refused are in the ledger;
     {"reply": "forked", "at", "head"}: number "at" was taken before with another event, so this file is a copy or was restored;
     {"reply": "behind", "head"}: events after head are not here, as the server was restored: send them again from there;
     {"reply": "refused", "code", "detail"}: the push as a whole; nothing of it was taken.';

create or replace function ledger.pull(
    after_seq bigint, known_epoch uuid default null, max_events integer default 1000, on_behalf_of text default null)
returns table (upto_seq bigint, epoch uuid, seq bigint, id uuid, job_id uuid, type text, v smallint, owner text, actor text,
               replica_id uuid, replica_seq bigint, occurred_at timestamptz, recorded_at timestamptz,
               correlation_id uuid, causation_id uuid, data text)
language plpgsql stable security definer
set search_path = pg_catalog, ledger, pg_temp
set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    v_max integer := least(greatest(coalesce(max_events, 1000), 1), 10000);
    v_owner text := ledger.owner_for(on_behalf_of);
    v_last bigint;
    v_epoch uuid;
begin
    if v_owner is null then
        raise exception 'this login may not act on behalf of that owner' using errcode = 'insufficient_privilege';
    end if;
    select s.last_seq, l.epoch into v_last, v_epoch from ledger.sequencer s join ledger.lives l on l.life = s.life;
    if known_epoch is distinct from v_epoch and known_epoch is not null then
        return query select after_seq, v_epoch, null::bigint, null::uuid, null::uuid, null::text, null::smallint, null::text, null::text,
            null::uuid, null::bigint, null::timestamptz, null::timestamptz, null::uuid, null::uuid, null::text;
        return;
    end if;
    return query
    with page as materialized (
        select l.seq, e.id, e.job_id, e.type, e.v, e.owner, e.actor, e.replica_id, e.replica_seq, e.occurred_at, e.recorded_at,
               e.correlation_id, e.causation_id, e.data::text
        -- as pairs, which the index by owner alone can answer: with owner = ... apart, the planner may go through all by number
        from (select g.seq, g.event_id from ledger.log g
              where (g.owner, g.seq) > (v_owner, after_seq) and (g.owner, g.seq) <= (v_owner, v_last)
              order by g.owner, g.seq limit v_max) l
        join ledger.events e on e.id = l.event_id
    )
    select u.upto_seq, v_epoch, p.*
    from (select case when count(*) = v_max then max(g.seq) else greatest(v_last, after_seq) end as upto_seq from page g) u
    left join page p on true
    order by p.seq;
end
$$;
comment on function ledger.pull is
    'The events of the caller, or of whom it acts on behalf of, after after_seq, in order. There is always at least one row: upto_seq is how far the caller has read
     with this page, also where nothing of its own was there, and a row without an id says only that. When known_epoch is not the
     current epoch, the numbers mean something else now, and the answer has only the new epoch.';

create or replace function ledger.submit(
    name text, params json default '{}', namespace text default 'default', priority integer default 0, run_at timestamptz default null,
    limits json default null, key text default null, labels json default null, job_id uuid default null, on_behalf_of text default null)
returns uuid
language plpgsql security definer
set search_path = pg_catalog, ledger, pg_temp
set jit = off set enable_seqscan = off set plan_cache_mode = force_generic_plan set standard_conforming_strings = on
as $$
#variable_conflict use_variable
declare
    v_owner text := ledger.owner_for(on_behalf_of);
    v_job uuid := coalesce(job_id, ledger.new_id());
    v_namespace text := coalesce(namespace, 'default');
    v_known uuid;
    v_data text;
    v_wrong text;
begin
    perform ledger.insist_on_read_committed();
    perform ledger.keep_commits_durable();
    lock table ledger.events in row exclusive mode;
    if v_owner is null then
        raise exception 'this login may not act on behalf of that owner' using errcode = 'insufficient_privilege';
    end if;
    if not (run_at >= '1600-01-01 00:00:00+00' and run_at < '9000-01-01 00:00:00+00') then
        raise exception 'job refused: invalid: run_at must lie in the years 1600 to 8999' using errcode = 'JL003';  -- to_char writes some others as these
    end if;
    -- A null argument is one that was not given; a null within labels or params is theirs.
    select '{' || string_agg(f.field || ':' || f.value, ',' order by f.n) || '}' into v_data
    from (values (1, '"name"', to_json(name)::text), (2, '"namespace"', to_json(namespace)::text), (3, '"priority"', priority::text),
                 (4, '"run_at"', to_json(to_char(run_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text),
                 (5, '"limits"', limits::text), (6, '"key"', to_json(key)::text), (7, '"labels"', labels::text),
                 (8, '"params"', coalesce(params::text, '{}'))) f (n, field, value)
    where f.value is not null;
    select j.verdict into v_wrong from ledger.judge('job.requested', 1, v_data) j;
    if v_wrong is not null then
        raise exception 'job refused: %', v_wrong using errcode = 'JL003';
    end if;
    if key is not null then
        insert into ledger.keys (owner, namespace, name, key, job_id) values (v_owner, v_namespace, name, key, v_job) on conflict do nothing;
        select k.job_id into v_known from ledger.keys k
        where (k.owner, k.namespace, k.name, k.key) = (v_owner, v_namespace, submit.name, submit.key) for update;
        if v_known = v_job or not exists (select from ledger.events e where e.job_id = v_known and e.type = 'job.requested')
           or exists (select from ledger.jobs j where j.job_id = v_known and j.status in ('completed', 'failed', 'cancelled')) then
            -- it may have come from a file; among the last hundred, so that a key that is used daily does not cost more each day
            select l.job_id into v_known
            from (select j.job_id, j.status, j.seq from ledger.jobs j
                  where (j.owner, j.namespace, j.name, j.key) = (v_owner, v_namespace, submit.name, submit.key)
                  order by j.seq desc limit 100) l
            where l.status in ('pending', 'running') order by l.seq desc limit 1;
        end if;
        update ledger.keys k set job_id = coalesce(v_known, v_job)
        where (k.owner, k.namespace, k.name, k.key) = (v_owner, v_namespace, submit.name, submit.key)
          and k.job_id <> coalesce(v_known, v_job);
        if v_known <> v_job then
            return v_known;
        end if;
    end if;
    insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data, position)
    values (ledger.new_id(), v_job, 'job.requested', 1, v_owner, session_user, clock_timestamp(), now(), ledger.current_epoch(), v_data::json,
            ledger.take_positions(1))
    on conflict do nothing;
    if not found and not exists (select from ledger.events e
                                 where e.job_id = v_job and e.type = 'job.requested' and e.owner = v_owner and e.data::text = v_data) then
        raise exception 'job refused: job % was requested before', v_job using errcode = 'JL003';
    end if;
    return v_job;
end
$$;
comment on function ledger.submit is
    'Requests a job straight from a session that is online, and gives its id. Calling again with the same job_id and content is harmless.
     With a key, an unfinished job of the same owner, namespace, name and key is given instead, and nothing is requested: one that
     submit has requested, or one that came from a file and is in order. Who asks for the same key in a transaction that is still open
     is waited for.';

create or replace view ledger.my_jobs with (security_barrier) as
    select j.job_id, j.name, j.namespace, j.status, j.priority, j.attempt, j.failures, j.requested_at, j.run_at, j.started_at,
           j.cancel_requested_at, j.finished_at
    from ledger.jobs j
    where j.owner = session_user::text collate "default"  -- a name's own collation is not the index's
      -- True in any case, but the planner takes each for rare: and for few rows, as it believes, it follows the index. It has no
      -- statistics to tell it that they are many, and would read and sort them all for the last hundred.
      and j.owner >= session_user::text collate "default" and j.owner <= session_user::text collate "default"
      and j.job_id between '00000000-0000-0000-0000-000000000000' and 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    -- The planner does not see an order through a security barrier: without this one, it would sort all for the last hundred.
    order by j.job_id desc;
comment on view ledger.my_jobs is 'The caller''s own jobs, the latest first.';


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: what version 1 calls
--
-- Under names that version 2 has changed: the processors of version 1, its `jobledger epoch`, and its functions, which may be at
-- work while an upgrade commits. The step to version 3 drops them.

create or replace function ledger.current_life() returns smallint language sql stable as $$ select ledger.current_epoch() $$;

create or replace function ledger.insist_on_few_lives() returns void language sql as $$ select ledger.insist_on_few_epochs() $$;

create or replace function ledger.begin_life(p_reason text, p_after uuid default null) returns uuid language sql
as $$ select ledger.begin_epoch(p_reason, p_after) $$;
comment on function ledger.begin_life is 'See ledger.begin_epoch.';

create or replace function ledger.ensure_life(p_epoch uuid default null, p_seq bigint default 0, p_event uuid default null) returns uuid
language sql as $$ select ledger.ensure_epoch(p_epoch, p_seq, p_event) $$;
comment on function ledger.ensure_life is 'See ledger.ensure_epoch.';

create or replace function ledger.sum_tally() returns void language sql as $$ select ledger.sum_counts() $$;

create or replace function ledger.note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json) returns void
language sql as $$ select ledger.note_divergence(p_owner, p_replica, p_what, p_at, p_life, p_data) $$;
comment on function ledger.note_turn is 'See ledger.note_divergence.';


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: rights

revoke all on all functions in schema ledger from public;
grant usage on schema ledger to ledger_client, ledger_processor, ledger_auditor, ledger_operator;

grant execute on function
    ledger.hello, ledger.push, ledger.pull, ledger.submit
    to ledger_client;
grant select on ledger.limits to ledger_client;
grant select on ledger.my_jobs to ledger_client;

grant execute on function
    ledger.ensure_epoch, ledger.ensure_life, ledger.order_events, ledger.order_and_claim, ledger.release_due, ledger.note_failing,
    ledger.sequence, ledger.sequence_and_claim, ledger.register_processor, ledger.beat, ledger.stop_processor, ledger.find_lost,
    ledger.forget_claims, ledger.claim, ledger.record, ledger.find_cancelled, ledger.completed_steps, ledger.lock_class,
    ledger.stand_for_leader, ledger.lead, ledger.end_of_log, ledger.is_processors_lock
    to ledger_processor;

grant select on all tables in schema ledger to ledger_processor, ledger_auditor, ledger_operator;
grant execute on function ledger.identity, ledger.current_epoch, ledger.current_life, ledger.lock_class, ledger.is_suspect, ledger.has_suspect_number,
    ledger.unreadable_number, ledger.is_deeper, ledger.why_unreadable
    to ledger_processor, ledger_auditor, ledger_operator;
grant execute on function ledger.submit, ledger.begin_epoch, ledger.begin_life to ledger_operator;
grant update on ledger.limits to ledger_operator;

-- A second wall, should someone be granted a table by mistake: whoever reads all needs this function too, and without it gets an
-- error, not an empty answer. No policy names a group: a member could take the group out of it (drop owned), but out of no grant.
create or replace function ledger.read_all() returns boolean
language sql stable
return true;
revoke all on function ledger.read_all from public;
grant execute on function ledger.read_all to ledger_processor, ledger_auditor, ledger_operator;
alter table ledger.events enable row level security;
alter table ledger.log enable row level security;
alter table ledger.jobs enable row level security;
drop policy if exists readers_see_all on ledger.events;
create policy readers_see_all on ledger.events for select using (ledger.read_all());
drop policy if exists readers_see_all on ledger.log;
create policy readers_see_all on ledger.log for select using (ledger.read_all());
drop policy if exists readers_see_all on ledger.jobs;
create policy readers_see_all on ledger.jobs for select using (ledger.read_all());

create or replace view ledger.rights_found with (security_barrier) as
    with ours as (
        select n.oid, n.nspowner as owner from pg_namespace n where n.nspname = 'ledger'
    ), relation as (
        -- each column by its name: "*" would take in those of this version of Postgres, and no other could restore a dump
        select c.oid, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.reloptions,
               case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end as kind, format('ledger.%I', c.relname) as name
        from pg_class c join ours o on o.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    ), function as (
        select p.oid, p.proowner, p.proacl, p.prosecdef, p.proconfig,
               format('ledger.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as name
        from pg_proc p join ours o on o.oid = p.pronamespace
    ), member as (
        select r.oid, r.rolcanlogin, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolreplication, r.rolbypassrls, r.rolname::text as name
        from pg_roles r where r.rolname in ('ledger_client', 'ledger_processor', 'ledger_auditor', 'ledger_operator')
    ), granted (thing, list) as (
        select 'schema ledger', coalesce(n.nspacl, acldefault('n', n.nspowner)) from pg_namespace n join ours using (oid)
        union all
        select case r.kind when 'sequence' then 'sequence ' else 'table ' end || r.name,
               coalesce(r.relacl, acldefault(case r.kind when 'sequence' then 's' else 'r' end::"char", r.relowner))
        from relation r
        union all
        select 'function ' || f.name, coalesce(f.proacl, acldefault('f', f.proowner)) from function f
    ), grantee (oid, name) as (
        select m.oid, m.name from member m union all select 0::oid, 'public'
    )
    select 1 as place, 'there is a role ' || m.name as what, format('create role %I nologin', m.name) as give, null as take
    from member m
    union all
    select 2, m.name || ' is a group without powers of its own',
           format('alter role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls', m.name), null
    from member m
    where not (m.rolcanlogin or m.rolsuper or m.rolcreatedb or m.rolcreaterole or m.rolreplication or m.rolbypassrls)
    union all
    select distinct 2, format('%s is in %I', m.name, g.rolname), format('grant %I to %I', g.rolname, m.name), format('revoke %I from %I', g.rolname, m.name)
    from member m join pg_auth_members a on a.member = m.oid join pg_roles g on g.oid = a.roleid
    union all
    select 3, x.what || ' belongs to the owner of the schema', null, null
    from ours o
    join (select r.kind || ' ' || r.name as what, r.relowner as owner from relation r
          union all select 'function ' || f.name, f.proowner from function f) x using (owner)
    union all
    select distinct 4, format('%s may %s on %s', g.name, lower(x.privilege_type), l.thing),
           format('grant %s on %s to %s', x.privilege_type, l.thing, g.name), format('revoke %s on %s from %s', x.privilege_type, l.thing, g.name)
    from granted l cross join lateral aclexplode(l.list) x join grantee g on g.oid = x.grantee
    union all
    select distinct 4, format('%s may %s on column %s of %s', g.name, lower(x.privilege_type), a.attname, r.name),
           format('grant %s (%I) on %s to %s', x.privilege_type, a.attname, r.name, g.name),
           format('revoke %s (%I) on %s from %s', x.privilege_type, a.attname, r.name, g.name)
    from relation r join pg_attribute a on a.attrelid = r.oid cross join lateral aclexplode(a.attacl) x join grantee g on g.oid = x.grantee
    union all
    select 5, r.name || ' has row-level security', format('alter table %s enable row level security', r.name),
           format('alter table %s disable row level security', r.name)
    from relation r where r.relrowsecurity
    union all
    select 6, format('policy %I on %s: %s for %s to %s using (%s)', p.polname, r.name, case when p.polpermissive then 'permissive' else 'restrictive' end,
                     p.cmd, p.roles, p.condition),
           format('create policy %I on %s as %s for %s to %s using (%s)', p.polname, r.name,
                  case when p.polpermissive then 'permissive' else 'restrictive' end, p.cmd, p.roles, p.condition),
           format('drop policy %I on %s', p.polname, r.name)
    from relation r
    join (select q.polname, q.polrelid, q.polpermissive, case q.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as cmd,
                 (select string_agg(case when x = 0 then 'public' else quote_ident(pg_get_userbyid(x)) end, ', ') from unnest(q.polroles) x) as roles,
                 coalesce(pg_get_expr(q.polqual, q.polrelid), 'true') as condition
          from pg_policy q) p on p.polrelid = r.oid
    union all
    select 7, r.name || ' is a security barrier', format('alter view %s set (security_barrier = true)', r.name), null
    from relation r where r.reloptions @> array['security_barrier=true']
    union all
    select 7, format('trigger %I on %s is on', t.tgname, r.name), format('alter table %s enable trigger %I', r.name, t.tgname), null
    from relation r join pg_trigger t on t.tgrelid = r.oid join function f on f.oid = t.tgfoid  -- not what others have put there
    where not t.tgisinternal and t.tgenabled in ('O', 'A')
    union all
    select 7, format('column %I of %s keeps no statistics', a.attname, r.name),
           format('alter table %s alter %I set statistics 0', r.name, a.attname), null
    from relation r join pg_attribute a on a.attrelid = r.oid where a.attnum > 0 and a.attstattarget = 0
    union all
    select 8, format('function %s runs as its %s%s', f.name, case when f.prosecdef then 'owner' else 'caller' end,
                     ', with ' || array_to_string(f.proconfig, ' and ')),
           format('alter function %s security %s reset all %s', f.name, case when f.prosecdef then 'definer' else 'invoker' end,
                  (select string_agg(format('set %I to %s', c.name, case when c.name = 'search_path' then c.value else quote_literal(c.value) end), ' ')
                   from (select split_part(x, '=', 1) as name, substr(x, strpos(x, '=') + 1) as value from unnest(f.proconfig) x) c)),
           null
    from function f;
comment on view ledger.rights_found is 'The rights as they are: give is the statement that would give it, take the one that takes it away.';
grant select on ledger.rights, ledger.rights_found to ledger_processor, ledger_auditor, ledger_operator;
delete from ledger.rights;
insert into ledger.rights (what, place, give) select f.what, f.place, f.give from ledger.rights_found f;

select ledger.begin_epoch('installed') where not exists (select from ledger.lives);
