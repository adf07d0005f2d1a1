-- The replica: one SQLite file of one client. SQLite 3.40 and later.
--
-- The file is an app's own. The app may keep its tables beside these, and may use these from any language with plain SQL:
--
--     insert into events (type, data) values ('job.requested', '{"name": "count-words", "params": {"path": "a.txt"}}');
--     insert into events (job_id, type, data) values (:job_id, 'job.cancel_requested', '{}');
--     insert into events (job_id, type, data) values (:job_id, 'job.signalled', '{"name": "approved"}');
--     select shown, progress, result from shown_jobs where job_id = :job_id;
--
-- An insert that leaves out the rest is complete: defaults and triggers fill it in. In one transaction with the app's own
-- tables, its data and its request are saved together or not at all.
--
-- Three rules carry the file.
--
--   1. Events are facts. A row of events is added once and stays. What the server adds later (its number, its clock, whose
--      event it is) fills columns that were empty, and changes only when the server begins another epoch. One door leads
--      out: all events of a job that has ended, and that the server is known to hold whole, may leave together (compaction).
--
--   2. How far the server knows is derived, never flagged. An own event with local_seq above replica.acked_seq is not
--      acknowledged; a seq of the present epoch says that the event is in the ledger. No second flag can disagree.
--
--   3. The number that is sent is local_seq - replica.seq_offset. A file that has to start anew under another name (a copied
--      file, a restored server) changes its one row in replica, and not one event.
--
-- owner and actor of an own event stay null until the server says them: they come from the session that sent it.
--
-- This file is the latest version, whole, and what a new file gets. Chapters:
--
--   Data    The file itself - Events - State - Compaction
--   Code    The file itself - Events - State - Compaction
--
-- The first half is tables and indexes. In an existing file only the numbered steps in client_sync/file/upgrades/ change it.
-- The second half is triggers and views. An upgrade drops them, runs its steps, and makes them anew, all in one transaction.
-- The version of a file is its user_version, and nothing else. So that files of every version can be read, and programs of
-- the version before can go on with a file that they have open:
--
--   - a step adds columns at the end of a table, and lets each column that is there keep its name, place and meaning;
--   - a step changes no row of events;
--   - a step begins by dropping the triggers and views of the version before.


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: the file itself

create table replica (
    only_row integer not null default 1 primary key,
    replica_id text not null,
    seq_offset integer not null default 0,
    acked_seq integer not null default 0,
    compacted_seq integer not null default 0,
    pulled_seq integer not null default 0,
    epoch text,
    life integer not null default 0,
    settled_life integer not null default 0,
    acked_epoch text,
    owner text,
    created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    last_sync_at text,
    clock_skew_ms integer,
    last_error text,
    max_event_bytes integer not null default 262144,
    max_params_bytes integer not null default 262144,
    max_json_depth integer not null default 64,
    max_batch_events integer not null default 5000,
    max_batch_bytes integer not null default 16777216,
    constraint one_replica_per_file check (only_row = 1),
    constraint acknowledged_numbers_were_sent check (0 <= acked_seq and seq_offset <= acked_seq),
    constraint lives_are_settled_in_order check (settled_life <= life)
) strict;
-- replica_id     the name under which the server knows this file; a copied file takes a new one
-- acked_seq      the server has taken or refused each own event up to this local_seq
-- compacted_seq  the highest local_seq that has left the file: above it, no own event is missing, and none is numbered anew
-- pulled_seq     the file has read the server's log up to here, counting in the epoch that the column epoch names
-- life           the epoch as a number: how many epochs this file has met; events.life says in which of them events.seq counts
-- settled_life   the last epoch whose log the file has read to its end, so that it knows what that log does not hold
-- acked_epoch    the epoch that is known to hold everything up to acked_seq; in another one the file asks again
-- owner          whose file this is; null until the server has said so once
-- clock_skew_ms  the server's clock minus this machine's, when last compared
-- last_error     why the last sync did not succeed; null after one that did
-- max_...        the server's limits (ledger.limits) as the last sync heard them, and its defaults until the first

create table replica_history (
    n integer primary key,
    at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    what text not null,
    detail text not null default '{}',
    constraint history_detail_is_json check (json_valid(detail))
) strict;
-- What became of the file itself: replica.created, replica.upgraded, replica.salvaged, replica.owned, replica.forked,
-- replica.rewound, replica.compacted, epoch.began.


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: events

create table events (
    -- UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, version, 12 random bits, variant, 62 random bits
    id text not null default (printf('%08x-%04x-7%03x-%04x-%012x',
        (cast(strftime('%s', 'now') as integer) * 1000 + cast(substr(strftime('%f', 'now'), 4) as integer)) >> 16,
        (cast(strftime('%s', 'now') as integer) * 1000 + cast(substr(strftime('%f', 'now'), 4) as integer)) & 0xffff,
        random() & 0xfff, 0x8000 | (random() & 0x3fff), random() & 0xffffffffffff)),
    job_id text,
    type text not null,
    v integer not null default 1,
    owner text,
    actor text,
    local_seq integer,
    seq integer,
    life integer,
    occurred_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    recorded_at text,
    replica_id text,
    replica_seq integer,
    correlation_id text,
    causation_id text,
    data text not null default '{}',
    constraint event_id_is_unique primary key (id),
    constraint event_id_is_a_uuid check (
        id glob '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
    constraint job_id_is_a_uuid check (
        job_id = id or job_id glob '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
    constraint correlation_id_is_a_uuid check (
        correlation_id glob '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
    constraint causation_id_is_a_uuid check (
        causation_id glob '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
    -- the shape first; then the calendar, at the start of the day, as a fraction that SQLite rounds up could end in the next one
    constraint occurred_at_is_a_utc_time check (
        occurred_at glob '????-??-??T[0-2]?:??:??*Z' and date(occurred_at, 'start of day', '+0 days') is substr(occurred_at, 1, 10)
        and substr(occurred_at, 12, 2) < '24' and occurred_at >= '0001' and length(occurred_at) <= 27),
    constraint recorded_at_is_a_utc_time check (
        recorded_at is null or recorded_at = occurred_at
        or (recorded_at glob '????-??-??T[0-2]?:??:??*Z' and date(recorded_at, 'start of day', '+0 days') is substr(recorded_at, 1, 10)
            and substr(recorded_at, 12, 2) < '24' and recorded_at >= '0001' and length(recorded_at) <= 27)),
    constraint own_data_is_json check (local_seq is null or json_valid(data)),
    -- glob and length() stop at the first NUL, and what comes after it would be stored unseen
    constraint no_text_holds_nul check (
        instr(data, char(0)) + instr(id, char(0)) + instr(type, char(0)) + instr(occurred_at, char(0)) = 0
        and (job_id is null or job_id = id or instr(job_id, char(0)) = 0)
        and instr(coalesce(correlation_id, '') || coalesce(causation_id, ''), char(0)) = 0),
    constraint own_numbers_start_at_1 check (local_seq >= 1),
    constraint a_number_counts_in_a_life check ((seq is null) = (life is null)),
    constraint confirmed_events_are_whole check (
        seq is null or (owner is not null and actor is not null and recorded_at is not null))
) strict;
-- id            made by the author, never reused
-- local_seq     own events only: 1, 2, 3, ... in the order of their commits; gaps are what has left
-- seq, life     the number in the server's log, and the epoch in which it counts (see replica.life)
-- occurred_at   the author's clock: a claim
-- recorded_at   the server's clock
-- replica_id    with replica_seq: the file through which the event came, as the server tells
-- data          the exact text that was written. An event from the server was judged there, where JSON may nest deeper than here

create unique index events_by_local_seq on events (local_seq) where local_seq is not null;
create unique index events_by_seq on events (life, seq) where seq is not null;
create index events_by_job on events (job_id, type);


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: state. It is what the events add up to, and can be rebuilt from them at any time.

create table jobs (
    job_id text not null primary key,
    request_id text,
    name text,
    namespace text not null default 'default',
    status text not null,
    priority integer not null default 0,
    attempt integer not null default 0,
    owner text,
    key text,
    requested_at text,
    run_at text,
    expires_at text,
    started_at text,
    cancel_requested_at text,
    finished_at text,
    labels text not null default '{}',
    progress text,
    result text,
    error text,
    fold text,
    -- not with IN: SQLite makes a longer list into a table, and in a trigger anew for each row
    constraint status_is_known check (
        status = 'pending' or status = 'running' or status = 'completed' or status = 'failed' or status = 'cancelled' or status = 'refused'),
    constraint labels_are_json check (json_valid(labels)),
    constraint progress_is_json check (progress is null or json_valid(progress)),
    constraint result_is_json check (result is null or json_valid(result)),
    constraint error_is_json check (error is null or json_valid(error))
) strict;
-- request_id   the event that requested the job; null where it cannot be read here, and then so is name
-- status       what the events here add up to; 'refused' where the server did not take the request
-- owner        whose job it is; null for one that was requested here before the file knew its owner, who it is then
-- run_at       a pending job does not start before this time; null: at once
-- finished_at  when the server ended the job; null means that its status may still change
-- fold         the folded state of an unfinished job with many events, to fold later ones on; null: fold its events anew

create index jobs_by_status on jobs (status, job_id);
create index jobs_by_key on jobs (namespace, name, key) where key is not null;
create index jobs_by_end on jobs (finished_at, job_id) where finished_at is not null;

create table refusals (
    local_seq integer primary key,
    event_id text not null unique,
    job_id text,
    type text not null,
    code text not null,
    detail text not null,
    refused_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) strict;
-- Own events that the server did not take, and why. They count for nothing, and held up nobody.

create index refusals_by_job on refusals (job_id);


-- ---------------------------------------------------------------------------------------------------------------------
-- Data: compaction

-- Empty, but for the length of one statement: the job named in it leaves whole, in the transaction that names it.
create table compaction (
    job_id text not null primary key
) strict;


-- =====================================================================================================================
-- Code. From here on, everything is a trigger or a view, and an upgrade makes it anew.
-- =====================================================================================================================


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: the file itself

create trigger replica_stays before delete on replica
begin
    select raise(abort, 'replica: the row of this file cannot be deleted');
end;

-- REPLACE would take the row away and fire no delete trigger.
create trigger replica_is_one before insert on replica when exists (select 1 from replica)
begin
    select raise(abort, 'replica: this file has its row');
end;

create trigger replica_keeps_its_owner before update of owner on replica when old.owner is not new.owner and old.owner is not null
begin
    select raise(abort, 'replica: this file belongs to another owner');
end;

create trigger replica_remembers_what_left before update of compacted_seq on replica when new.compacted_seq < old.compacted_seq
begin
    select raise(abort, 'replica: compacted_seq only grows');
end;

create trigger replica_history_is_only_added before insert on replica_history when exists (select 1 from replica_history h where h.n = new.n)
begin
    select raise(abort, 'replica_history is append-only');
end;

create trigger replica_history_stays before delete on replica_history
begin
    select raise(abort, 'replica_history is append-only');
end;

create trigger replica_history_never_changes before update on replica_history
begin
    select raise(abort, 'replica_history is append-only');
end;


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: events

-- The number of the next own event. One that has left keeps its number.
create view next_number as
    select max(coalesce((select e.local_seq from events e where e.local_seq is not null order by e.local_seq desc limit 1), 0),
               p.compacted_seq) + 1 as local_seq
    from replica p;

-- REPLACE deletes the rows in its way and fires no delete trigger, so they have to be found before.
-- A rowid that was not given reads as -1 in a before trigger; a row with that rowid would be in the way of every insert.
create trigger events_are_only_added before insert on events
begin
    select case
        when exists (select 1 from events e where e.id = new.id)
            then raise(abort, 'id: an event with this id is here already')
        when exists (select 1 from events e where e.rowid = new.rowid)
            then raise(abort, 'events is append-only: this row is here already')
        when new.seq is not null and exists (select 1 from events e where e.life = new.life and e.seq = new.seq)
            then raise(abort, 'seq: an event with this number is here already')
        when new.seq is not null and (new.local_seq is not null or not exists (
                select 1 from replica p where new.seq <= p.pulled_seq and new.life = p.life))
            then raise(abort, 'seq is the server''s to give')
    end;
end;

-- What the server's ledger.judge refuses most often, so that a mistake shows at once and not at the next sync. A request whose row
-- in jobs is there first was judged by the program that wrote that row: see judged_requests.
create trigger own_requests_are_valid before insert on events
when new.seq is null and not exists (select 1 from jobs j where j.job_id = new.job_id and j.request_id = new.id)
begin
    select case
        when new.type not in ('job.requested', 'job.cancel_requested', 'job.signalled')
            then raise(abort, 'type: an app writes job.requested, job.cancel_requested and job.signalled only')
        when new.v <> 1
            then raise(abort, 'v: only version 1 is known here')
        when coalesce(new.owner, new.actor, new.recorded_at, new.replica_id, new.replica_seq) is not null
            then raise(abort, 'owner, actor, recorded_at, replica_id and replica_seq are the server''s to give')
        when new.local_seq <> (select n.local_seq from next_number n)
            then raise(abort, 'local_seq: leave it out, or give the next number')
        when new.occurred_at < '1600' or new.occurred_at >= '9000'
            then raise(abort, 'occurred_at: must lie in the years 1600 to 8999')
        when length(cast(new.data as blob)) > (select min(p.max_event_bytes, p.max_batch_bytes) from replica p)
            then raise(abort, 'data: more bytes than replica.max_event_bytes, or max_batch_bytes')
        when not json_valid(new.data)
            then raise(abort, 'data: not JSON')
        when json_type(new.data) <> 'object'
            then raise(abort, 'data: must be a JSON object')
    end;
    select case
        when exists (select 1 from events e where e.job_id = new.job_id and e.type = 'job.requested')
            then raise(abort, 'job_id: this job was requested before')
        when json_type(new.data, '$.name') is not 'text' or length(json_extract(new.data, '$.name')) not between 1 and 200
            then raise(abort, 'name: must be a text of 1 to 200 characters')
        when r.namespace is not null and (json_type(new.data, '$.namespace') <> 'text' or length(r.namespace) not between 1 and 100)
            then raise(abort, 'namespace: must be a text of 1 to 100 characters')
        when json_type(new.data, '$.params') not in ('null', 'object')
            then raise(abort, 'params: must be a JSON object')
        when length(cast(new.data as blob)) > p.max_params_bytes
             and length(cast(new.data -> '$.params' as blob)) > p.max_params_bytes
            then raise(abort, 'params: more bytes than replica.max_params_bytes')
        when r.priority is not null and (json_type(new.data, '$.priority') <> 'integer' or r.priority not between -32768 and 32767)
            then raise(abort, 'priority: must be a whole number from -32768 to 32767')
        when r.key is not null and (json_type(new.data, '$.key') <> 'text' or length(r.key) not between 1 and 200)
            then raise(abort, 'key: must be a text of 1 to 200 characters')
        when json_type(new.data, '$.labels') not in ('null', 'object')
            then raise(abort, 'labels: must be a JSON object')
        when json_type(new.data, '$.limits') not in ('null', 'object')
            then raise(abort, 'limits: must be a JSON object')
        when r.order_key is not null
             and (json_type(new.data, '$.order_key') <> 'text' or length(r.order_key) not between 1 and 200)
            then raise(abort, 'order_key: must be a text of 1 to 200 characters')
        when json_type(new.data, '$.unique') not in ('null', 'object')
            then raise(abort, 'unique: must be a JSON object')
        when json_type(new.data, '$.traceparent') not in ('null', 'text')
            then raise(abort, 'traceparent: must be a text')
        when json_type(new.data, '$.files') not in ('null', 'object')
            then raise(abort, 'files: must be a JSON object')
        when coalesce(r.run_at, r.expires_at) is not null and exists (
            select 1 from (select r.run_at as t union all select r.expires_at)
            where t is not null and not coalesce(
                strftime('%Y-%m-%dT%H:%M:%S', substr(t, 1, 19), '+0 days') = substr(t, 1, 19) and strftime('%Y', t) between '1600' and '8999'
                and (substr(t, -1) = 'Z' or t glob '*[+-][0-9][0-9]:[0-9][0-9]'), 0))
            then raise(abort, 'run_at, limits.expires_at: must be an RFC 3339 time with an offset')
    end
    from (select json_extract(new.data, '$.namespace') as namespace, json_extract(new.data, '$.priority') as priority,
                 json_extract(new.data, '$.key') as key, json_extract(new.data, '$.order_key') as order_key,
                 json_extract(new.data, '$.run_at') as run_at, json_extract(new.data, '$.limits.expires_at') as expires_at) r
    cross join replica p
    where new.type = 'job.requested';
end;

-- The events that nest too deep. Only an event with enough brackets to nest that deep is taken apart.
create view deep_events as
    select e.id
    from events e
    cross join replica p
    where length(e.data) - length(replace(replace(e.data, '[', ''), '{', '')) > p.max_json_depth
      and exists (
        with recursive container (depth, value) as (
            select 1, e.data
            union all
            select c.depth + 1, v.value
            from container c, json_each(c.value) v
            where v.type in ('array', 'object') and c.depth <= p.max_json_depth
              and length(v.value) - length(replace(replace(v.value, '[', ''), '{', '')) > p.max_json_depth - c.depth
        )
        select 1 from container c where c.depth > p.max_json_depth);

create trigger events_never_change before update on events
when (
    new.rowid = old.rowid and new.id = old.id and new.type = old.type and new.v = old.v and new.data = old.data
    and new.occurred_at = old.occurred_at and new.correlation_id is old.correlation_id and new.causation_id is old.causation_id
    and case when old.local_seq is null and old.seq is null
        -- still inside the statement that inserts an own event: own_events_take_effect completes it
        then new.seq is null and coalesce(new.owner, new.actor, new.recorded_at, new.replica_id, new.replica_seq) is null
        -- the server confirms an event for the first time, or for the first time in another epoch
        else new.local_seq is old.local_seq and new.job_id is old.job_id
             and new.seq <= (select p.pulled_seq from replica p) and new.life = (select p.life from replica p)
             and (old.life is null or old.life < new.life)
             and not exists (select 1 from events e where e.life = new.life and e.seq = new.seq)
        end) is not true
begin
    select raise(abort, 'events is append-only: an event is never changed');
end;

create trigger events_never_go before delete on events
when not exists (select 1 from compaction c where c.job_id = old.job_id)
begin
    select raise(abort, 'events is append-only: an event is never deleted');
end;


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: state

-- The meaning of own events is simple enough to say in SQL, so that a program without this package sees its job at once: a
-- request is a pending job, a cancel ends a pending job as far as this file can tell, and a signal changes nothing that is
-- shown. The rest is ledger/model/fold.py's.
create trigger own_events_take_effect after insert on events
when new.seq is null and not exists (select 1 from jobs j where j.job_id = new.job_id and j.request_id = new.id)
begin
    select case
        when new.rowid < 0
            then raise(abort, 'rowid: leave it out')
        -- so few brackets as most have cannot nest that deep: the view need not be asked
        when length(cast(new.data as blob)) - length(cast(replace(replace(new.data, '[', ''), '{', '') as blob)) > (select p.max_json_depth from replica p)
             and exists (select 1 from deep_events d where d.id = new.id)
            then raise(abort, 'data: nests deeper than replica.max_json_depth')
        when new.type = 'job.cancel_requested' and new.job_id is null
            then raise(abort, 'job_id: which job is to be cancelled?')
        when new.type = 'job.cancel_requested'
             and (json_type(new.data, '$.reason') not in ('null', 'text') or length(json_extract(new.data, '$.reason')) > 2000)
            then raise(abort, 'reason: must be a text of at most 2000 characters')
        when new.type = 'job.signalled' and new.job_id is null
            then raise(abort, 'job_id: which job is to be signalled?')
        when new.type = 'job.signalled'
             and (json_type(new.data, '$.name') is not 'text' or length(json_extract(new.data, '$.name')) not between 1 and 200)
            then raise(abort, 'name: must be a text of 1 to 200 characters')
    end;
    -- a request that names no job gets one of the same id
    update events
    set job_id = coalesce(job_id, id), local_seq = coalesce(local_seq, (select n.local_seq from next_number n))
    where id = new.id and (new.job_id is null or new.local_seq is null);
    insert into jobs (job_id, request_id, name, namespace, status, priority, owner, key, requested_at, cancel_requested_at,
                      run_at, expires_at, labels)
    select coalesce(new.job_id, new.id), new.id, json_extract(new.data, '$.name'),
           coalesce(json_extract(new.data, '$.namespace'), 'default'), iif(r.cancelled_at is null, 'pending', 'cancelled'),
           coalesce(json_extract(new.data, '$.priority'), 0), p.owner, json_extract(new.data, '$.key'), new.occurred_at,
           r.cancelled_at,
           case when r.run_at is null or r.cancelled_at is not null then null
                when r.run_at glob '*Z' then r.run_at else strftime('%Y-%m-%dT%H:%M:%fZ', r.run_at) end,
           case when r.expires_at is null then null
                when r.expires_at glob '*Z' then r.expires_at else strftime('%Y-%m-%dT%H:%M:%fZ', r.expires_at) end,
           coalesce(json_extract(new.data, '$.labels'), '{}')
    from (select json_extract(new.data, '$.run_at') as run_at, json_extract(new.data, '$.limits.expires_at') as expires_at,
                 (select min(c.occurred_at) from events c
                  where c.job_id = new.job_id and c.type = 'job.cancel_requested'
                    and not exists (select 1 from refusals f where f.event_id = c.id)) as cancelled_at) r
    cross join replica p
    where new.type = 'job.requested'
    on conflict (job_id) do nothing;
    update jobs
    set cancel_requested_at = min(coalesce(cancel_requested_at, new.occurred_at), new.occurred_at),
        run_at = null,
        status = case status when 'pending' then 'cancelled' else status end,
        fold = null
    where job_id = new.job_id and new.type = 'job.cancel_requested';
    update jobs set fold = null where job_id = new.job_id and new.type = 'job.signalled';
end;

-- The door for a program that has judged a new request itself, as JobClient does, by the owner and the limits that it gives with
-- it. The row in jobs comes first, and tells the triggers of events that there is nothing left for them to do. The name is that of
-- version 1, whose programs may still have the file open.
create view judged_requests as
    select j.job_id, j.name, j.namespace, j.priority, j.key, j.requested_at, j.run_at, j.expires_at, j.labels, e.data,
           p.owner, p.max_event_bytes, p.max_params_bytes, p.max_json_depth, p.max_batch_bytes
    from replica p
    cross join jobs j
    cross join events e on e.id = j.request_id;

create trigger judged_requests_are_appended instead of insert on judged_requests
begin
    insert into jobs (job_id, request_id, name, namespace, status, priority, owner, key, requested_at, run_at, expires_at, labels)
    values (new.job_id, new.job_id, new.name, new.namespace, 'pending', new.priority, new.owner, new.key, new.requested_at,
            new.run_at, new.expires_at, new.labels);
    insert into events (id, job_id, type, local_seq, occurred_at, data)
    values (new.job_id, new.job_id, 'job.requested', (
                select case when p.owner is new.owner and p.max_event_bytes = new.max_event_bytes and p.max_batch_bytes = new.max_batch_bytes
                                 and p.max_params_bytes = new.max_params_bytes and p.max_json_depth = new.max_json_depth
                            then n.local_seq else raise(abort, 'replica: its owner or limits are others by now') end
                from replica p cross join next_number n),
            new.requested_at, new.data);
    -- "insert or ignore" leaves out what a check of events refuses, and would keep the job
    select raise(abort, 'replica: the event of a judged request was refused') where not exists (select 1 from events e where e.id = new.job_id);
end;

-- What to show for a job, and how far the server knows of it:
--
--   standing   saved      the request is in this file only
--              accepted   the server has it, and has not yet put it in order
--              synced     it is in the ledger
--              refused    the server did not take it: see refusal_code and refusal_detail
--
--   shown      standing while it is not 'synced', then status; and in between, in the order of what matters most to a
--              person: cancelling (asked for, not yet the server's word), retrying (after an attempt that failed),
--              scheduled (not before run_at)
create view shown_jobs as
    select s.job_id, s.name, s.namespace, s.status, s.standing,
           case when s.status = 'refused' or s.finished_at is not null then s.status
                when s.cancel_requested_at is not null then 'cancelling'
                when s.standing <> 'synced' then s.standing
                when s.status = 'pending' and s.attempt > 0 and s.error is not null then 'retrying'
                when s.status = 'pending' and s.run_at is not null then 'scheduled'
                else s.status end as shown,
           s.priority, s.attempt, coalesce(s.owner, s.file_owner) as owner, s.key, s.requested_at, s.run_at, s.expires_at,
           s.started_at, s.cancel_requested_at, s.finished_at, s.labels, s.progress, s.result, s.error, s.request_id, s.refusal_code, s.refusal_detail, s.refused_at
    from (
        select j.*, p.owner as file_owner, f.code as refusal_code, f.detail as refusal_detail, f.refused_at,
               case when j.status = 'refused' then 'refused'
                    when e.local_seq is null or e.life = p.life then 'synced'
                    when e.local_seq <= p.acked_seq then 'accepted'
                    else 'saved' end as standing
        from jobs j
        cross join replica p
        left join events e on e.id = j.request_id
        left join refusals f on f.event_id = j.request_id) s;


-- ---------------------------------------------------------------------------------------------------------------------
-- Code: compaction, how finished jobs leave the file
--
--     insert into compaction (job_id) select job_id from compactable_jobs where finished_at < '2026-01-01';
--
-- Only what can be read again from the server leaves. A trigger holds that, whoever asks. An event that the server refused, or
-- that it gave in an earlier epoch and no longer has, is nowhere else: its job stays.

-- The jobs that may leave: they have ended, and each of their events is confirmed in the present epoch, behind the cursor
-- (so that no page brings half of the job back) and, where it is an own one, acknowledged.
create view compactable_jobs as
    select j.job_id, j.name, j.status, j.finished_at
    from jobs j
    cross join replica p
    where j.finished_at is not null and p.settled_life = p.life
      and not exists (select 1 from events e
                      where e.job_id = j.job_id
                        and (e.seq is null or e.life <> p.life or e.seq > p.pulled_seq or e.local_seq > p.acked_seq));

create trigger only_what_the_server_holds_leaves before insert on compaction
when not exists (select 1 from compactable_jobs c where c.job_id = new.job_id)
begin
    select raise(abort, 'compaction: only a job that has ended, and that the server is known to hold whole, may leave');
end;

create trigger compaction_takes_effect after insert on compaction
begin
    update replica
    set compacted_seq = max(compacted_seq, coalesce((select max(e.local_seq) from events e where e.job_id = new.job_id), 0));
    delete from events where job_id = new.job_id;
    delete from jobs where job_id = new.job_id;
    delete from compaction where job_id = new.job_id;
end;
