--
-- PostgreSQL database dump
--


-- Dumped from database version 18.4
-- Dumped by pg_dump version 18.4

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: ledger; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA ledger;


--
-- Name: admit(text, text, uuid, bigint, text[], text[], text[], integer[], text[], text[], text[], text[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.admit(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_uuids boolean := ledger.are_uuids(p_ids || p_job_ids);
    v_times boolean := ledger.are_times(p_occurred_at);
begin
    with judged as materialized (
        select a.*, k.id is not null as known,
            case
                when a.id is null or a.job_id is null then 'invalid: id and job_id must be UUIDs'
                when not a.is_timed then 'invalid: occurred_at must be an RFC 3339 time with an offset'
                when k.id is not null then
                    case when (k.owner, k.job_id, k.type, k.data::text) is distinct from (p_owner, a.job_id, a.type, a.data)
                         then 'id_conflict: another event has this id' end
                else coalesce(g.verdict,
                    case when a.type = 'job.requested' and r.id is not null then 'id_conflict: this job was requested before'
                         when a.type = 'job.cancel_requested' and r.owner <> p_owner then 'not_yours: no such job of yours' end)
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
        from judged j where j.verdict is not null
    )
    insert into ledger.events
        (id, job_id, type, v, owner, actor, replica_id, replica_seq, occurred_at, recorded_at, correlation_id, causation_id, life, data)
    select j.id, j.job_id, j.type, j.v, p_owner, p_actor, p_replica, j.seq, j.occurred_at::timestamptz,
           now(), j.correlation_id::uuid, j.causation_id::uuid, (select ledger.current_life()), j.data::json
    from judged j where j.verdict is null and not j.known;
end
$$;


--
-- Name: admit_one_by_one(text, text, uuid, bigint, text[], text[], text[], integer[], text[], text[], text[], text[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.admit_one_by_one(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: all_match(text[], text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.all_match(p_texts text[], p_pattern text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $_$
declare
    v_text text := array_to_string(p_texts, ',', '') || ',';
begin
    -- as many commas as texts: each ends one, and none stands within one
    return octet_length(v_text) - octet_length(replace(v_text, ',', '')) = cardinality(p_texts) and v_text ~ ('^(' || p_pattern || ',)*$');
end
$_$;


--
-- Name: FUNCTION all_match(p_texts text[], p_pattern text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.all_match(p_texts text[], p_pattern text) IS 'Whether every one of the texts, whole, is what the pattern says. It must not match a comma.';


--
-- Name: announce_events(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.announce_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from added) then  -- a statement that adds none announces none
        perform ledger.hint('ledger_events');
    end if;
    return null;
end
$$;


--
-- Name: apply_cancels(bigint, bigint); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.apply_cancels(p_after bigint, p_upto bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_pending uuid[];
    v_asked integer;
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
    -- What a claim is just taking is left to it: it waits for our lock on the job, and then sees that it was asked to stop.
    with free as (
        select q.job_id from ledger.queue q where q.job_id = any (v_pending) for update skip locked
    ), taken as (
        delete from ledger.queue q using free f where q.job_id = f.job_id returning q.job_id, q.namespace, q.name, q.run_at
    ), ended as (
        update ledger.jobs j set status = 'cancelled', run_at = null, finished_at = now()
        from taken t where j.job_id = t.job_id
        returning j.job_id, j.owner
    ), tallied as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select namespace, name, run_at is null as ready, count(*) as jobs from taken group by 1, 2, 3) t
        cross join lateral (values (case when t.ready then 'ready' else 'scheduled' end, -t.jobs), ('cancelled', t.jobs)) d (standing, jobs)
    )
    insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
    select ledger.new_id(), e.job_id, 'job.cancelled', 1, e.owner, session_user, now(), now(), ledger.current_life(),
           json_build_object('attempt', null)
    from ended e;
    perform ledger.hint('ledger_cancel');
end
$$;


--
-- Name: are_times(text[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.are_times(p_texts text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN ledger.all_match(p_texts, '(1[6-9]|[2-8]\d)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)'::text);


--
-- Name: FUNCTION are_times(p_texts text[]); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.are_times(p_texts text[]) IS 'Whether the texts look like times; whether there are such days, the cast tells.';


--
-- Name: are_uuids(text[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.are_uuids(p_texts text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN ledger.all_match(p_texts, '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'::text);


--
-- Name: as_uuid(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.as_uuid(p_text text) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN ledger.are_uuids(ARRAY[p_text]) THEN (p_text)::uuid ELSE NULL::uuid END;


--
-- Name: FUNCTION as_uuid(p_text text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.as_uuid(p_text text) IS 'The UUID that a text spells, or null.';


--
-- Name: beat(uuid, bigint, interval); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.beat(p_processor uuid, p_beats bigint DEFAULT 0, p_loop_still interval DEFAULT '00:00:00'::interval) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    AS $$
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


--
-- Name: FUNCTION beat(p_processor uuid, p_beats bigint, p_loop_still interval); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval) IS 'The heartbeat; gives its number. Null: this processor was given up, or fewer beats are known than p_beats, as the database was put
     back to an earlier moment. Either way it must stop its jobs at once, and what it had goes to others.';


--
-- Name: begin_life(text, uuid); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.begin_life(p_reason text, p_after uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET lock_timeout TO '500ms'
    AS $$
declare
    v_life smallint;
    v_epoch uuid;
begin
    perform ledger.insist_on_read_committed();
    if pg_has_role(session_user, 'ledger_operator', 'member') then
        perform ledger.insist_on_few_lives();
    end if;
    -- Writers read the current life after they have locked this table: when this lock is given, none is in between. They wait
    -- until this transaction ends: a forgotten one is ended by the server.
    lock table ledger.events in share row exclusive mode;
    select l.epoch into v_epoch from ledger.lives l where l.life = ledger.current_life() and l.epoch <> p_after;
    if found then
        return v_epoch;  -- another has noticed as well, and was quicker
    end if;
    perform set_config('idle_in_transaction_session_timeout', '5s', true), set_config('statement_timeout', '1min', true);
    insert into ledger.lives (life, system_identifier, timeline, database_oid, reason)
    select coalesce(ledger.current_life(), 0) + 1, i.system_identifier, i.timeline, i.database_oid, p_reason
    from ledger.identity() i
    returning life, epoch into v_life, v_epoch;
    insert into ledger.sequencer (last_seq, life, snapshot) values (0, v_life, pg_current_snapshot())
    on conflict (only_row) do update set life = excluded.life, snapshot = excluded.snapshot;
    -- Transaction ids of earlier lives say nothing now, so what they left is found by comparing with the log.
    insert into ledger.leftovers (life, txid, event_id)
    select e.life, e.txid, e.id from ledger.events e
    where not exists (select from ledger.log l where l.event_id = e.id)
    on conflict do nothing;
    return v_epoch;
end
$$;


--
-- Name: FUNCTION begin_life(p_reason text, p_after uuid); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.begin_life(p_reason text, p_after uuid) IS 'Makes all clients compare what they hold with what is here; needed only after a restore that neither ledger.identity nor a processor
     can see. With p_after, only if that is still the epoch. Gives the epoch that holds from then on.
     Raises lock_not_available when a transaction that has written events stays open: call again. Its own transaction has to end
     soon, as all who write wait for it: idle for five seconds, its session is ended.';


--
-- Name: claim(uuid, uuid, text[], text[], integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) RETURNS TABLE(job_id uuid, name text, attempt integer, failures integer, losses integer, max_attempts integer, timeout_ms integer, owner text, request_id uuid, correlation_id uuid, requested_at timestamp with time zone, request text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
declare
    v_namespaces text[] := p_namespaces;
    v_names text[] := p_names;
    v_shares bigint[] := array[p_limit];
    v_first_id uuid;
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
                    select q.namespace, q.name, q.priority, q.seq from ledger.queue q
                    where q.namespace = s.namespace and q.name = n.name and q.run_at is null
                    order by q.priority desc, q.seq limit p_limit) w
                order by w.priority desc, w.seq limit p_limit) b
            group by b.namespace, b.name) l;
    end if;
    v_first_id := ledger.new_id();
    return query
    with picked as materialized (
        select w.ctid
        from unnest(v_namespaces, v_names, v_shares) l (namespace, name, share)
        cross join lateral (
            select q.ctid from ledger.queue q
            where q.namespace = l.namespace and q.name = l.name and q.run_at is null
            order by q.priority desc, q.seq limit l.share for update skip locked) w
    ), taken as (
        delete from ledger.queue q using picked w where q.ctid = w.ctid returning q.job_id
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
        from (select t.job_id from taken t order by t.job_id) t
        where j.job_id = t.job_id
        returning j.job_id, j.seq, j.priority, j.attempt, j.failures, j.losses, j.max_attempts, j.timeout_ms, j.owner, j.status,
                  j.namespace, j.name
    ), tallied as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select namespace, name, status, count(*) as jobs from settled group by 1, 2, 3) t
        cross join lateral (values ('ready', -t.jobs), (t.status, t.jobs)) d (standing, jobs)
    ), started as (
        select s.* from settled s where s.status = 'running'
    ), logged as (
        insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
        select ledger.nth_id(v_first_id, row_number() over ()), s.job_id,
               case when s.status = 'running' then 'attempt.started' else 'job.cancelled' end, 1, s.owner,
               session_user, now(), now(), (select ledger.current_life()),
               (case when s.status = 'running' then '{"attempt":' || s.attempt || ',"processor":"' || p_processor || '"}'
                     else '{"attempt":null}' end)::json
        from settled s
    ), claimed as (
        insert into ledger.claims (processor, claim, job_ids, attempts)
        select p_processor, p_claim, array_agg(s.job_id), array_agg(s.attempt) from started s having count(*) > 0
    )
    select s.job_id, s.name, s.attempt, s.failures, s.losses, s.max_attempts, s.timeout_ms, s.owner,
           e.id, e.correlation_id, e.recorded_at, e.data::text
    from started s join ledger.events e on e.job_id = s.job_id and e.type = 'job.requested'
    order by s.priority desc, s.seq;
end
$$;


--
-- Name: FUNCTION claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) IS 'Takes up to p_limit waiting jobs for this processor, the best first, and starts an attempt of each: one statement for all.';


--
-- Name: completed_steps(uuid[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.completed_steps(p_job_ids uuid[]) RETURNS TABLE(job_id uuid, data text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    AS $$
    select e.job_id, e.data::text from ledger.events e
    where e.job_id = any (p_job_ids) and e.type = 'step.completed' order by e.txid, e.id
$$;


--
-- Name: current_life(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.current_life() RETURNS smallint
    LANGUAGE plpgsql STABLE
    AS $$
begin
    return (select max(l.life) from ledger.lives l);  -- planned once a session; SQL's own functions, before Postgres 18, once a call
end
$$;


--
-- Name: delegate(text, text, boolean); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.delegate(p_actor text, p_owner text, p_may boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET standard_conforming_strings TO 'on'
    AS $$
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
        insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data)
        values (ledger.new_id(), case when p_may then 'delegation.granted' else 'delegation.revoked' end, 1, p_actor, session_user,
                now(), now(), ledger.current_life(), json_build_object('login', p_actor, 'owner', p_owner));
    end if;
    return v_changed;
end
$$;


--
-- Name: FUNCTION delegate(p_actor text, p_owner text, p_may boolean); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.delegate(p_actor text, p_owner text, p_may boolean) IS 'Lets a login act on behalf of an owner (null: of every owner), or no longer. Tells whether that changed anything. No group
     has it: it is for the owner of the ledger.';


--
-- Name: end_of_log(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
    select l.epoch, s.last_seq, g.event_id
    from ledger.sequencer s join ledger.lives l on l.life = s.life left join ledger.log g on g.seq = s.last_seq
$$;


--
-- Name: FUNCTION end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) IS 'How far the log goes, and with which event. Who has seen it so, knows it again: see ensure_life.';


--
-- Name: ensure_life(uuid, bigint, uuid); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.ensure_life(p_epoch uuid DEFAULT NULL::uuid, p_seq bigint DEFAULT 0, p_event uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
declare
    v_epoch uuid;
    v_here boolean;
begin
    select l.epoch, (l.system_identifier, l.timeline, l.database_oid) = (i.system_identifier, i.timeline, i.database_oid)
    into v_epoch, v_here
    from ledger.lives l, ledger.identity() i
    where l.life = ledger.current_life();
    if not v_here then
        v_epoch := ledger.begin_life('this is another cluster, timeline or database than the one recorded', v_epoch);
    elsif p_epoch = v_epoch and p_seq > 0 and not exists (select from ledger.log l where l.seq = p_seq and l.event_id = p_event) then
        perform ledger.insist_on_few_lives();  -- a login of a processor can say so without having seen it
        v_epoch := ledger.begin_life(format('the log has lost its number %s: the database was put back to an earlier moment', p_seq), v_epoch);
    end if;
    return v_epoch;
end
$$;


--
-- Name: FUNCTION ensure_life(p_epoch uuid, p_seq bigint, p_event uuid); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid) IS 'Begins a new life when this database is a restored, promoted or copied one, or when the log of this epoch does not have what the
     caller, a processor, has seen in it (ledger.end_of_log); that at most once a minute: call again. Gives the epoch.';


--
-- Name: expire_jobs(integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.expire_jobs(p_limit integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    -- to look costs less than a statement that ends none
    if not exists (select from ledger.queue q where q.expires_at <= now()) then
        return;
    end if;
    with due as (
        delete from ledger.queue q
        where q.job_id in (
            select x.job_id from ledger.queue x where x.expires_at <= now()
            order by x.expires_at limit p_limit for update skip locked)
        returning q.job_id, q.namespace, q.name, q.run_at
    ), ended as (
        update ledger.jobs j set status = 'failed', run_at = null, finished_at = now() from due d where j.job_id = d.job_id
        returning j.job_id, j.owner, j.attempt, j.expires_at
    ), tallied as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select namespace, name, run_at is null as ready, count(*) as jobs from due group by 1, 2, 3) t
        cross join lateral (values (case when t.ready then 'ready' else 'scheduled' end, -t.jobs), ('failed', t.jobs)) d (standing, jobs)
    )
    insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
    select ledger.new_id(), e.job_id, 'job.failed', 1, e.owner, session_user, now(), now(), ledger.current_life(),
           json_build_object('attempts', e.attempt, 'error', json_build_object(
               'type', 'Expired', 'message', format('not finished by %s', e.expires_at), 'retryable', false))
    from ended e;
end
$$;


--
-- Name: find_cancelled(uuid, uuid[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    AS $$
    select j.job_id from ledger.jobs j
    where j.job_id = any (p_job_ids) and j.processor = p_processor and j.cancel_requested_at is not null
$$;


--
-- Name: FUNCTION find_cancelled(p_processor uuid, p_job_ids uuid[]); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) IS 'Which of these running jobs were asked to stop.';


--
-- Name: find_lost(uuid[], bigint[], boolean[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) RETURNS TABLE(processor uuid, noticed_by text, job_id uuid, attempt integer, failures integer, losses integer, max_attempts integer, alone boolean, losses_alone bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    AS $$
declare
    v_overdue uuid[] := array(select s.processor from unnest(p_silent, p_overdue) s (processor, overdue) where s.overdue);
    -- after a restart of the server every lock is free, and those who live need a moment to take theirs again
    v_restarted boolean := pg_postmaster_start_time() between clock_timestamp() - interval '5 seconds' and clock_timestamp();
begin
    lock table ledger.events in row exclusive mode;
    with gone as (
        select p.processor, p.number
        from ledger.processors p
        join unnest(p_silent, p_beats) s (processor, beats) on s.processor = p.processor and s.beats = p.beats
        where p.stopped_at is null and p.lost_at is null
        order by p.number for update of p skip locked
    ), lost as (
        update ledger.processors p set lost_at = now()
        from gone g
        where p.processor = g.processor
          and (g.processor = any (v_overdue)
               or not v_restarted and (pg_try_advisory_xact_lock(ledger.lock_class(), g.number)
                                       or not ledger.is_processors_lock(g.number)))
        returning p.processor, p.heartbeat_at
    )
    insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data)
    select ledger.new_id(), 'processor.lost', 1, session_user, session_user, now(), now(), ledger.current_life(),
           json_build_object('processor', l.processor, 'last_heartbeat_at', l.heartbeat_at,
                             'noticed_by', case when l.processor = any (v_overdue) then 'heartbeat' else 'lock' end)
    from lost l;
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


--
-- Name: FUNCTION find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) IS 'Gives up those of the silent processors whose lock is free or whose lease is over, and lists what processors that are gone left behind:
     a row for each attempt that runs, or one whose columns are null where all have ended. The caller says who has been silent, since
     which beat, and whether for longer than the lease: how long that is, it counts itself. It records attempt.lost and calls forget_claims.
     alone: no other job ran there; losses_alone: how many earlier losses said so of themselves.';


--
-- Name: forget_claims(uuid, uuid[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.forget_claims(p_processor uuid, p_claims uuid[] DEFAULT NULL::uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    AS $$
    delete from ledger.claims c
    where c.processor = p_processor and (p_claims is null or c.claim = any (p_claims))
      -- one's own, or of a processor that is gone
      and exists (select from ledger.processors p
                  where p.processor = p_processor and (p.login = session_user or p.stopped_at is not null or p.lost_at is not null))
$$;


--
-- Name: has_suspect_number(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.has_suspect_number(p_data text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN ((p_data ~ '[,:[[:space:]]-?[0-9.]+[eE][+-]?[0-9]{3}'::text) OR ((octet_length(p_data) > 200) AND (p_data ~ '[0-9]{200}'::text)));


--
-- Name: FUNCTION has_suspect_number(p_data text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.has_suspect_number(p_data text) IS 'Whether there may be an unreadable number, in a text or outside of one. Quick.';


--
-- Name: hint(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.hint(p_channel text) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    -- The queue of notifications belongs to the whole cluster. One session that listens, and stays in a transaction, lets it fill up,
    -- and then the commit of whoever notifies fails. So hints stop long before; to ask how full it is drops what all have heard.
    if pg_notification_queue_usage() < 0.5 then
        perform pg_notify(p_channel, '');
    end if;
end
$$;


--
-- Name: FUNCTION hint(p_channel text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.hint(p_channel text) IS 'The one place that notifies.';


--
-- Name: identity(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
    select c.system_identifier,
           ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer,
           (select d.oid from pg_database d where d.datname = current_database())
    from pg_control_system() c
$$;


--
-- Name: FUNCTION identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) IS 'What tells this cluster, timeline and database from every other.';


--
-- Name: insist_on_few_lives(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.insist_on_few_lives() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    -- On somebody's word one a minute, and the last thousand are left to restores that show by themselves and to the owner: the
    -- numbers of lives are finite, and each one makes every client look through what it holds.
    if not pg_has_role(session_user, (select n.nspowner from pg_namespace n where n.nspname = 'ledger'), 'member')
       and exists (select from ledger.lives l where l.began_at > now() - interval '1 minute' or l.life > 31000) then
        raise exception 'a life began within the last minute, or there were too many of them'
            using errcode = 'object_not_in_prerequisite_state', hint = 'wait a minute; the owner of the ledger need not';
    end if;
end
$$;


--
-- Name: insist_on_read_committed(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.insist_on_read_committed() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'this function needs isolation level read committed, not %', current_setting('transaction_isolation')
            using errcode = 'invalid_transaction_state';
    end if;
end
$$;


--
-- Name: is_deeper(text, integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.is_deeper(p_data text, p_depth integer) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    AS $$
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


--
-- Name: FUNCTION is_deeper(p_data text, p_depth integer); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.is_deeper(p_data text, p_depth integer) IS 'Whether a JSON text nests deeper than so many levels.';


--
-- Name: is_processors_lock(integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.is_processors_lock(p_number integer) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
    select exists (
        select from pg_locks k join pg_stat_activity a on a.pid = k.pid
        where k.locktype = 'advisory' and k.granted and k.objsubid = 2
          and k.database = (select d.oid from pg_database d where d.datname = current_database())
          and k.classid = ledger.lock_class()::oid and k.objid = p_number::oid
          and pg_has_role(a.usesysid, 'ledger_processor', 'member'))
$$;


--
-- Name: FUNCTION is_processors_lock(p_number integer); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.is_processors_lock(p_number integer) IS 'Whether an advisory lock of ours is held by a session that may run jobs. Anyone who can log in can take any advisory lock, and
     Postgres cannot forbid it to some: so a lock that someone else holds counts as free.';


--
-- Name: is_suspect(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.is_suspect(p_data text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN ((p_data !~~ '{%'::text) OR (strpos(p_data, '\u'::text) > 0) OR ledger.has_suspect_number(p_data) OR ((octet_length(p_data) > 128) AND ((octet_length(p_data) - octet_length(replace(replace(p_data, '{'::text, ''::text), '['::text, ''::text))) > 128)));


--
-- Name: FUNCTION is_suspect(p_data text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.is_suspect(p_data text) IS 'Whether why_unreadable has to be asked. Quick.';


--
-- Name: is_time(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.is_time(p_text text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN (p_text IS NOT NULL) THEN ledger.are_times(ARRAY[p_text]) ELSE NULL::boolean END;


--
-- Name: place_of_number(json); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.place_of_number(p_data json) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    AS $$
begin
    return (
        select e.key || coalesce('.' || (
                   select f.key from json_each(case when json_typeof(e.value) = 'object' then e.value end) f
                   where ledger.unreadable_number(f.value::text) is not null limit 1), '')
        from json_each(p_data) e where ledger.unreadable_number(e.value::text) is not null limit 1);
end
$$;


--
-- Name: FUNCTION place_of_number(p_data json); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.place_of_number(p_data json) IS 'The field, or the field of a field, that holds an unreadable number; null where none does.';


--
-- Name: unreadable_number(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.unreadable_number(p_data text) RETURNS text
    LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC
 SELECT "left"((n.parts[1] || n.parts[2]), 20) AS "left"
    FROM regexp_matches(regexp_replace(unreadable_number.p_data, '"([^"\\]|\\.)*"?'::text, '""'::text, 'g'::text), '([0-9]+)((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)'::text, 'g'::text) n(parts)
   WHERE
         CASE
             WHEN ((length(n.parts[1]) + length(n.parts[2])) > 640) THEN true
             WHEN (n.parts[2] ~ '[eE][+-]?[0-9]{4}'::text) THEN true
             WHEN (n.parts[2] <> ''::text) THEN (((n.parts[1] || n.parts[2]))::numeric >= '179769313486231580000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)
             ELSE false
         END
  LIMIT 1;
END;


--
-- Name: FUNCTION unreadable_number(p_data text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.unreadable_number(p_data text) IS 'The first number in a JSON text that not every reader can read, or its beginning; or null.';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: limits; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.limits (
    only_row boolean DEFAULT true NOT NULL,
    max_event_bytes integer DEFAULT 262144 NOT NULL,
    max_params_bytes integer DEFAULT 262144 NOT NULL,
    max_json_depth integer DEFAULT 64 NOT NULL,
    max_batch_events integer DEFAULT 5000 NOT NULL,
    max_batch_bytes integer DEFAULT 16777216 NOT NULL,
    CONSTRAINT limits_max_batch_bytes_check CHECK (((max_batch_bytes >= 1000) AND (max_batch_bytes <= 500000000))),
    CONSTRAINT limits_max_batch_events_check CHECK (((max_batch_events >= 1) AND (max_batch_events <= 100000))),
    CONSTRAINT limits_max_event_bytes_check CHECK (((max_event_bytes >= 1000) AND (max_event_bytes <= 100000000))),
    CONSTRAINT limits_max_json_depth_check CHECK (((max_json_depth >= 4) AND (max_json_depth <= 128))),
    CONSTRAINT limits_max_params_bytes_check CHECK (((max_params_bytes >= 100) AND (max_params_bytes <= 100000000))),
    CONSTRAINT limits_only_row_check CHECK (only_row)
);


--
-- Name: TABLE limits; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.limits IS 'What one event and one push may hold; an operator may change the row. Clients hear of it when they sync, and keep to it when they
     submit. An event has to fit into a push: where max_batch_bytes is the lower of the two, it is the limit of an event as well.
     No depth above 128: readers have limits of their own.';


--
-- Name: judge(text, integer, text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.judge(p_type text, p_v integer, p_data text) RETURNS TABLE(verdict text)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 SELECT
         CASE
             WHEN (o.verdict IS NOT NULL) THEN o.verdict
             WHEN (judge.p_type = 'job.cancel_requested'::text) THEN
             CASE
                 WHEN ((json_typeof(r.reason) <> 'string'::text) OR (length((r.reason #>> '{}'::text[])) > 2000)) THEN 'invalid: reason must be a text of at most 2000 characters'::text
                 ELSE NULL::text
             END
             WHEN ((json_typeof(r.name) IS DISTINCT FROM 'string'::text) OR ((length((r.name #>> '{}'::text[])) < 1) OR (length((r.name #>> '{}'::text[])) > 200))) THEN 'invalid: name must be a text of 1 to 200 characters'::text
             WHEN ((json_typeof(r.namespace) <> 'string'::text) OR ((length((r.namespace #>> '{}'::text[])) < 1) OR (length((r.namespace #>> '{}'::text[])) > 100))) THEN 'invalid: namespace must be a text of 1 to 100 characters'::text
             WHEN (json_typeof(r.params) <> 'object'::text) THEN 'invalid: params must be a JSON object'::text
             WHEN (((r.priority)::text !~ '^-?\d{1,5}$'::text) OR ((((r.priority)::text)::integer < '-32768'::integer) OR (((r.priority)::text)::integer > 32767))) THEN 'invalid: priority must be a whole number from -32768 to 32767'::text
             WHEN ((json_typeof(r.run_at) <> 'string'::text) OR (NOT ledger.is_time((r.run_at #>> '{}'::text[])))) THEN 'invalid: run_at must be an RFC 3339 time with an offset'::text
             WHEN ((json_typeof(r.key) <> 'string'::text) OR ((length((r.key #>> '{}'::text[])) < 1) OR (length((r.key #>> '{}'::text[])) > 200))) THEN 'invalid: key must be a text of 1 to 200 characters'::text
             WHEN (json_typeof(r.labels) <> 'object'::text) THEN 'invalid: labels must be a JSON object'::text
             WHEN ((json_typeof(r.retry_of) <> 'string'::text) OR ((r.retry_of IS NOT NULL) AND (ledger.as_uuid((r.retry_of #>> '{}'::text[])) IS NULL))) THEN 'invalid: retry_of must be a UUID'::text
             WHEN ((json_typeof(r.parent) <> 'string'::text) OR ((r.parent IS NOT NULL) AND (ledger.as_uuid((r.parent #>> '{}'::text[])) IS NULL))) THEN 'invalid: parent must be a UUID'::text
             WHEN (json_typeof(r.limits) <> 'object'::text) THEN 'invalid: limits must be a JSON object'::text
             WHEN (NOT isfinite(((r.run_at #>> '{}'::text[]))::timestamp with time zone)) THEN 'invalid: run_at is never'::text
             WHEN (ledger.has_suspect_number(o.data) AND (ledger.unreadable_number(o.data) IS NOT NULL)) THEN format('invalid: %s holds a number that not every reader can read: no more than 640 digits, and below 1.8e308'::text, ledger.place_of_number((o.data)::json))
             ELSE COALESCE(
             CASE
                 WHEN (r.limits IS NOT NULL) THEN ( SELECT
                         CASE
                             WHEN (((l.max_attempts)::text !~ '^\d{1,4}$'::text) OR ((((l.max_attempts)::text)::integer < 1) OR (((l.max_attempts)::text)::integer > 1000))) THEN 'invalid: limits.max_attempts must be a whole number from 1 to 1000'::text
                             WHEN (((l.timeout)::text !~ '^\d{1,6}(\.\d{1,6})?$'::text) OR ((((l.timeout)::text)::numeric < 0.001) OR (((l.timeout)::text)::numeric > (604800)::numeric))) THEN 'invalid: limits.timeout must be a number of seconds from 0.001 to 604800'::text
                             WHEN ((json_typeof(l.expires_at) <> 'string'::text) OR (NOT ledger.is_time((l.expires_at #>> '{}'::text[])))) THEN 'invalid: limits.expires_at must be an RFC 3339 time with an offset'::text
                             WHEN (NOT isfinite(((l.expires_at #>> '{}'::text[]))::timestamp with time zone)) THEN 'invalid: limits.expires_at is never'::text
                             ELSE NULL::text
                         END AS "case"
                    FROM json_to_record(r.limits) l(max_attempts json, timeout json, expires_at json))
                 ELSE NULL::text
             END,
             CASE
                 WHEN ((octet_length(o.data) > ( SELECT l.max_params_bytes
                    FROM ledger.limits l)) AND (octet_length((r.params)::text) > ( SELECT l.max_params_bytes
                    FROM ledger.limits l))) THEN format('too_large: params has %s bytes; the limit is %s'::text, octet_length((r.params)::text), ( SELECT l.max_params_bytes
                    FROM ledger.limits l))
                 ELSE NULL::text
             END,
             CASE
                 WHEN (((r.limits ->> 'expires_at'::text))::timestamp with time zone <= now()) THEN format('expired: the job was to be done by %s'::text, (r.limits ->> 'expires_at'::text))
                 ELSE NULL::text
             END)
         END AS "coalesce"
    FROM ( SELECT
                 CASE
                     WHEN ((judge.p_type IS NULL) OR (judge.p_type <> ALL (ARRAY['job.requested'::text, 'job.cancel_requested'::text]))) THEN 'not_allowed: clients write job.requested and job.cancel_requested only'::text
                     WHEN (judge.p_v IS DISTINCT FROM 1) THEN format('unknown_version: version %s of %s is not known here'::text, judge.p_v, judge.p_type)
                     WHEN (e.data IS NULL) THEN 'invalid: data is missing'::text
                     WHEN (octet_length(e.data) > ( SELECT LEAST(l.max_event_bytes, l.max_batch_bytes) AS "least"
                        FROM ledger.limits l)) THEN format('too_large: data has %s bytes; the limit is %s'::text, octet_length(e.data), ( SELECT LEAST(l.max_event_bytes, l.max_batch_bytes) AS "least"
                        FROM ledger.limits l))
                     WHEN (((octet_length(e.data) - octet_length(replace(replace(e.data, '{'::text, ''::text), '['::text, ''::text))) > ( SELECT l.max_json_depth
                        FROM ledger.limits l)) AND ledger.is_deeper(e.data, ( SELECT l.max_json_depth
                        FROM ledger.limits l))) THEN format('too_large: data nests deeper than %s levels'::text, ( SELECT l.max_json_depth
                        FROM ledger.limits l))
                     WHEN (
                     CASE
                         WHEN ((strpos(e.data, '\u'::text) > 0) AND (json_typeof((e.data)::json) IS NOT NULL)) THEN jsonb_typeof((e.data)::jsonb)
                         WHEN (e.data ~~ '{%'::text) THEN 'object'::text
                         ELSE json_typeof((e.data)::json)
                     END <> 'object'::text) THEN 'invalid: data must be a JSON object'::text
                     ELSE NULL::text
                 END AS verdict,
             e.data
            FROM ( SELECT judge.p_data AS data
                  OFFSET 0) e
          OFFSET 0) o,
     LATERAL json_to_record(
         CASE
             WHEN (o.verdict IS NULL) THEN (o.data)::json
             ELSE NULL::json
         END) r(name json, namespace json, params json, priority json, run_at json, limits json, key json, labels json, retry_of json, parent json, reason json);
END;


--
-- Name: FUNCTION judge(p_type text, p_v integer, p_data text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.judge(p_type text, p_v integer, p_data text) IS 'What is wrong with a client''s event in itself, as "code: detail", or null. Strict, so that what passes here can be read by
     every reader later. Raises a data exception for what is not JSON.';


--
-- Name: keep_commits_durable(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.keep_commits_durable() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    -- an acknowledged event is on disk, whatever was set for the session, its role or the database
    if current_setting('synchronous_commit') = 'off' then
        perform set_config('synchronous_commit', 'on', true);
    end if;
end
$$;


--
-- Name: lead(uuid); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.lead(p_holder uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
begin
    update ledger.leader l set turn = l.turn + 1, renewed_at = clock_timestamp() where l.holder = p_holder;
    return found;
end
$$;


--
-- Name: FUNCTION lead(p_holder uuid); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.lead(p_holder uuid) IS 'Renews the lease of the leader. False: another one leads now.';


--
-- Name: lock_class(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.lock_class() RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$ select 1785686116 $$;


--
-- Name: FUNCTION lock_class(); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.lock_class() IS 'First key of this project''s advisory locks; the second is a processor''s number: that it lives.';


--
-- Name: new_id(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.new_id() RETURNS uuid
    LANGUAGE sql
    AS $$
    -- UUIDv7, RFC 9562 section 5.7: 48 bits of Unix milliseconds over a random UUID, whose version 4 becomes 7
    select encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;


--
-- Name: note_turn(text, uuid, text, bigint, smallint, json); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json) RETURNS void
    LANGUAGE sql
    AS $$
    with first_time as (
        insert into ledger.replica_turns (replica_id, what, at, life) values (p_replica, p_what, p_at, p_life)
        on conflict do nothing returning 1
    )
    insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data)
    select ledger.new_id(), p_what, 1, p_owner, session_user, now(), now(), ledger.current_life(), p_data
    from first_time
$$;


--
-- Name: FUNCTION note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json) IS 'Leaves an event that an auditor can find; asking again leaves no second one.';


--
-- Name: nth_id(uuid, bigint); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.nth_id(p_first uuid, p_n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    AS $$
    -- ids made together count up from a random one (RFC 9562, section 6.2, method 2), at a third of the cost
    select (left(p_first::text, 24)
            || lpad(to_hex((('x' || right(p_first::text, 12))::bit(48)::bigint + p_n) & 281474976710655), 12, '0'))::uuid
$$;


--
-- Name: owner_for(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.owner_for(p_on_behalf_of text) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    select case
        when p_on_behalf_of is null or p_on_behalf_of = session_user then session_user::text
        when length(p_on_behalf_of) between 1 and 200
             and exists (select from ledger.delegations d
                         where d.actor = session_user and (d.owner is null or d.owner = p_on_behalf_of)) then p_on_behalf_of
        end
$$;


--
-- Name: FUNCTION owner_for(p_on_behalf_of text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.owner_for(p_on_behalf_of text) IS 'Whose events this session writes and reads when it names an owner: null where it may not act for that one.';


--
-- Name: pull(bigint, uuid, integer, text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.pull(after_seq bigint, known_epoch uuid DEFAULT NULL::uuid, max_events integer DEFAULT 1000, on_behalf_of text DEFAULT NULL::text) RETURNS TABLE(upto_seq bigint, epoch uuid, seq bigint, id uuid, job_id uuid, type text, v smallint, owner text, actor text, replica_id uuid, replica_seq bigint, occurred_at timestamp with time zone, recorded_at timestamp with time zone, correlation_id uuid, causation_id uuid, data text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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


--
-- Name: FUNCTION pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text) IS 'The events of the caller, or of whom it acts on behalf of, after after_seq, in order. There is always at least one row: upto_seq is how far the caller has read
     with this page, also where nothing of its own was there, and a row without an id says only that. When known_epoch is not the
     current epoch, the numbers mean something else now, and only the new epoch is told.';


--
-- Name: push(uuid, bigint, text[], text[], text[], integer[], text[], text[], text[], text[], text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text DEFAULT NULL::text) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET standard_conforming_strings TO 'on'
    AS $$
#variable_conflict use_variable
declare
    v_owner text := ledger.owner_for(on_behalf_of);
    v_count integer := coalesce(cardinality(ids), 0);
    v_life smallint;
    v_its_life smallint;
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
    v_life := ledger.current_life();  -- it stays until this transaction ends: see begin_life
    for v_look in 1..2 loop
        select r.head, r.life, r.life = v_life and r.txid > pg_current_xact_id() into v_head, v_its_life, v_early
        from ledger.replicas r where r.replica_id = push.replica_id and r.owner = v_owner for update;
        -- Somebody else's replica is neither locked nor waited for, and nothing of it is told.
        exit when v_look = 2 or v_head is not null or exists (select from ledger.replicas r where r.replica_id = push.replica_id);
        insert into ledger.replicas (replica_id, owner, head, life) values (replica_id, v_owner, 0, v_life) on conflict do nothing;
    end loop;
    if v_head is null then
        return json_build_object('reply', 'refused', 'code', 'not_yours', 'detail', 'this replica belongs to someone else');
    elsif v_early then
        -- the log goes by transaction ids, so this one's events would come before those that the replica wrote earlier
        raise exception 'a younger transaction has pushed for replica % meanwhile', replica_id
            using errcode = 'serialization_failure', hint = 'push again, in a transaction of its own';
    end if;
    if base_seq > v_head then
        perform ledger.note_turn(v_owner, replica_id, 'replica.rewound', v_head, v_its_life, json_build_object(
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
        perform ledger.note_turn(v_owner, replica_id, 'replica.forked', v_forked_at, v_its_life, json_build_object(
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
        set head = v_head, life = v_life, txid = pg_current_xact_id(), last_seen_at = now()
        where r.replica_id = push.replica_id;
    end if;
    return json_build_object('reply', 'accepted', 'head', v_head, 'time', now(), 'refused', coalesce((
        select json_agg(json_build_object('seq', f.replica_seq, 'event_id', f.event_id, 'job_id', f.job_id,
                                          'code', f.code, 'detail', f.detail) order by f.replica_seq)
        from ledger.refusals f
        where f.replica_id = push.replica_id and f.replica_seq > base_seq and f.replica_seq <= base_seq + v_count), '[]'::json));
end
$$;


--
-- Name: FUNCTION push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text) IS 'Takes a replica''s events with the numbers base_seq + 1 and up; a null among the texts is an absent value. The owner is this
     login, or whom it acts on behalf of and may; the actor is this login in any case. Answers
     {"reply": "accepted", "head", "time", "refused": [{seq, event_id, job_id, code, detail}]}: all but the refused are in the ledger;
     {"reply": "forked", "at", "head"}: number "at" was taken before with another event, so this file is a copy or was restored;
     {"reply": "behind", "head"}: events after head are not here, as the server was restored: send them again from there;
     {"reply": "refused", "code", "detail"}: the push as a whole; nothing of it was taken.';


--
-- Name: read_all(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.read_all() RETURNS boolean
    LANGUAGE sql STABLE
    RETURN true;


--
-- Name: record(uuid, uuid[], uuid[], integer[], text[], timestamp with time zone[], text[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) RETURNS TABLE(job_id uuid, attempt integer, type text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
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
                  e.status is null and j.status = 'cancelled' as cancelled_here, e.n
    ), going_on as (
        select j.job_id, j.attempt
        from (select distinct a.job_id, a.attempt, p_processor as processor, 'running'::text as running from arrived a
              where not a.ends offset 0) r
        join ledger.jobs j on j.job_id = r.job_id
        where j.attempt = r.attempt and j.processor = r.processor and j.status = r.running
    ), fenced as materialized (
        select e.job_id, e.attempt from ended e union all select g.job_id, g.attempt from going_on g
    ), requeued as (
        insert into ledger.queue (job_id, seq, run_at, expires_at, priority, namespace, name)
        select e.job_id, e.seq, case when e.run_at > now() then e.run_at end, e.expires_at, e.priority, e.namespace, e.name
        from ended e where e.status = 'pending'
    ), tallied as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select t.namespace, t.name, d.standing, d.jobs
        from (select e.namespace, e.name, case when e.status <> 'pending' then e.status when e.run_at > now() then 'scheduled'
                                               else 'ready' end as standing, count(*) as jobs
              from ended e group by 1, 2, 3) t
        cross join lateral (values ('running', -t.jobs), (t.standing, t.jobs)) d (standing, jobs)
    ), judged as materialized (
        -- what is left when an attempt's only event was its end, which most are.
        -- "in" over a CTE is a hash lookup, where a join would compare each with each
        select a.*, j.owner, (a.job_id, a.attempt) in (select f.job_id, f.attempt from fenced f) as holds
        from arrived a join ledger.jobs j on j.job_id = a.job_id
        where a.n not in (select e.n from ended e where e.n is not null)
    ), too_late as (
        -- what was recorded before and is only being sent again is not late
        select g.* from judged g
        where not g.holds and not exists (select from ledger.events k where k.id = g.id)
    ), concluded as (
        insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
        select p_ids[e.n], e.job_id, p_types[e.n], 1, e.owner, session_user, p_occurred_at[e.n], now(), (select ledger.current_life()),
               p_data[e.n]::json
        from ended e where e.n is not null
    ), appended as (
        insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
        select g.id, g.job_id, g.type, 1, g.owner, session_user, g.occurred_at, now(), (select ledger.current_life()), g.data
        from judged g where g.holds
        union all
        select ledger.new_id(), e.job_id, 'job.cancelled', 1, e.owner, session_user, now(), now(), (select ledger.current_life()),
               json_build_object('attempt', e.attempt)
        from ended e where e.cancelled_here
        union all
        select l.id, l.job_id, 'attempt.superseded', 1, l.owner, session_user, l.occurred_at, now(), (select ledger.current_life()),
               json_build_object('attempt', l.attempt, 'processor', p_processor,
                                 'late', json_build_object('type', l.type, 'data', l.data))
        from too_late l
        on conflict (id) do nothing
    )
    select l.job_id, l.attempt, l.type from too_late l;
end
$$;


--
-- Name: FUNCTION record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) IS 'Appends what happened in attempts of this processor, with its effect on ledger.jobs, for a whole batch. An attempt that is no
     longer this processor''s changes nothing: what it sent is kept as attempt.superseded and given back. Sending again is harmless.';


--
-- Name: refuse_change(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '% of %.% refused: it is append-only', lower(tg_op), tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;


--
-- Name: refuse_record(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.refuse_record(p_why text) RETURNS json
    LANGUAGE plpgsql
    AS $$
begin
    raise exception 'not recorded: %', p_why using errcode = 'JL002';
end
$$;


--
-- Name: refuse_unreadable(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.refuse_unreadable(p_data text) RETURNS void
    LANGUAGE plpgsql
    AS $$
declare
    v_why text := ledger.why_unreadable(p_data);
begin
    if v_why is not null then
        raise exception 'not every reader could read what is to be recorded: %', v_why using errcode = 'invalid_parameter_value';
    end if;
end
$$;


--
-- Name: register_processor(uuid, text, integer, text[], text[]); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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
    insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data)
    values (ledger.new_id(), 'processor.started', 1, session_user, session_user, now(), now(), ledger.current_life(),
            json_build_object('processor', p_processor, 'host', p_host, 'pid', p_pid, 'namespaces', p_namespaces, 'names', p_names));
    return v_number;
end
$$;


--
-- Name: release_jobs(integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.release_jobs(p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
declare
    v_released integer;
begin
    with released as (
        update ledger.queue q set run_at = null
        where q.job_id in (
            select w.job_id from ledger.queue w where w.run_at <= now() order by w.run_at limit p_limit for update skip locked)
        returning q.namespace, q.name
    ), tallied as (
        insert into ledger.tally (namespace, name, standing, jobs)
        select r.namespace, r.name, d.standing, d.sign * count(*)
        from released r cross join (values ('ready', 1), ('scheduled', -1)) d (standing, sign)
        group by 1, 2, 3, d.sign
    )
    select count(*) into v_released from released;
    return v_released;
end
$$;


--
-- Name: sequence(integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.sequence(p_limit integer DEFAULT 10000) RETURNS TABLE(sequenced integer, more boolean, new_work boolean, next_due timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
declare
    v_last bigint;
    v_life smallint;
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
    select s.last_seq, s.life, s.snapshot into v_last, v_life, v_then from ledger.sequencer s;
    v_now := pg_current_snapshot();
    v_running := array(select pg_snapshot_xip(v_then));
    v_next := pg_snapshot_xmax(v_then);
    v_early := exists (select from ledger.early_cancels);

    -- The transaction that holds the last event of a full pass, if there are so many.
    select e.txid into v_cut
    from ledger.events e
    where e.life = v_life and e.txid >= v_next and pg_visible_in_snapshot(e.txid, v_now)
    order by e.life, e.txid offset greatest(p_limit - 1, 0) limit 1;

    -- What an earlier life left comes first, whole transactions at a time; this one's turn comes when no more than a pass is left.
    v_left_over := (select count(*) > p_limit from (select from ledger.leftovers limit p_limit + 1) c);

    with leftover as (
        delete from ledger.leftovers l
        using (select c.life, c.txid, c.event_id from ledger.leftovers c
               order by c.life, c.txid fetch first p_limit rows with ties) f
        where (l.life, l.txid, l.event_id) = (f.life, f.txid, f.event_id)
        returning l.event_id
    ), visible as (
        select e.id, e.life, e.txid, e.replica_seq, e.type, e.owner, e.job_id, e.recorded_at,
               case when e.type = 'job.requested' then e.data end as request
        from unnest(v_running) r (txid)
        -- offset 0: each one is looked up, also where the planner takes all of a life for a few rows
        cross join lateral (select * from ledger.events c where c.life = v_life and c.txid = r.txid offset 0) e
        where pg_visible_in_snapshot(r.txid, v_now) and not v_left_over
        union all
        select e.id, e.life, e.txid, e.replica_seq, e.type, e.owner, e.job_id, e.recorded_at,
               case when e.type = 'job.requested' then e.data end
        from ledger.events e
        where e.life = v_life and e.txid >= v_next and pg_visible_in_snapshot(e.txid, v_now)
          and (v_cut is null or e.txid <= v_cut) and not v_left_over
        union all
        select e.id, e.life, e.txid, e.replica_seq, e.type, e.owner, e.job_id, e.recorded_at,
               case when e.type = 'job.requested' then e.data end
        from leftover o join ledger.events e on e.id = o.event_id
    ), fresh as materialized (
        select v_last + row_number() over (order by f.life, f.txid, f.replica_seq, f.id) as seq, f.* from visible f
    ), logged as (
        insert into ledger.log (seq, event_id, owner) select f.seq, f.id, f.owner from fresh f
    ), requested as (
        insert into ledger.jobs as j
            (job_id, seq, requested_at, run_at, expires_at, max_attempts, timeout_ms, priority, status, owner, namespace, name, key)
        select f.job_id, f.seq, f.recorded_at, r.run_at, (r.limits ->> 'expires_at')::timestamptz,
               (r.limits ->> 'max_attempts')::integer, ((r.limits ->> 'timeout')::numeric * 1000)::integer,
               coalesce(r.priority, 0), 'pending', f.owner, coalesce(r.namespace, 'default'), r.name, r.key
        from fresh f,
             json_to_record(f.request) r (name text, namespace text, priority smallint, run_at timestamptz, limits json, key text)
        where f.type = 'job.requested'
        on conflict (job_id) do nothing
        returning j.job_id, j.seq, j.run_at, j.expires_at, j.priority, j.namespace, j.name
    ), queued as (
        insert into ledger.queue (job_id, seq, run_at, expires_at, priority, namespace, name)
        select r.job_id, r.seq, case when r.run_at > now() then r.run_at end, r.expires_at, r.priority, r.namespace, r.name
        from requested r
        returning namespace, name, run_at
    ), tallied as (
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
            perform ledger.sum_tally();
        end if;
    end if;

    more := v_cut is not null or v_left_over;
    for v_look in 1..2 loop
        select least((select q.run_at from ledger.queue q where q.run_at is not null order by q.run_at limit 1),
                     (select q.expires_at from ledger.queue q where q.expires_at is not null order by q.expires_at limit 1))
        into next_due;
        exit when v_look = 2 or next_due is null or next_due > now();
        perform ledger.expire_jobs(p_limit);
        new_work := ledger.release_jobs(p_limit) > 0 or new_work;
    end loop;
    next_due := case when next_due is not null then least(next_due, now() + interval '1 day') end;  -- a time that any caller can read
    if sequenced > 0 then
        perform ledger.hint('ledger_feed');
    end if;
    if new_work then
        perform ledger.hint('ledger_work');
    end if;
    return next;
end
$$;


--
-- Name: FUNCTION sequence(p_limit integer); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.sequence(p_limit integer) IS 'One pass: puts what became visible in order, folds the clients'' events into ledger.jobs, and lets what is due start.
     new_work: a job may be ready to start that was not before.';


--
-- Name: sequence_and_claim(uuid, uuid, text[], text[], integer); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) RETURNS TABLE(sequenced integer, more boolean, new_work boolean, next_due timestamp with time zone, job_id uuid, name text, attempt integer, failures integer, losses integer, max_attempts integer, timeout_ms integer, owner text, requested_at timestamp with time zone, request text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) IS 'A pass, and with it a claim where the pass has brought work: a job that arrives while its processor is at rest then waits
     for one commit less. Always at least one row; a pass without a claim has no job_id.';


--
-- Name: snapshot_after(pg_snapshot, pg_snapshot, xid8); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8) RETURNS pg_snapshot
    LANGUAGE sql IMMUTABLE
    AS $$
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


--
-- Name: FUNCTION snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8) IS 'Lets a pass stop at a transaction and still know exactly what it has numbered.';


--
-- Name: stand_for_leader(uuid, text, integer, bigint); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint DEFAULT NULL::bigint) RETURNS TABLE(elected boolean, turn bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
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
        since = now(), renewed_at = now()
    where l.turn = v_leader.turn  -- nobody was quicker
    returning l.turn into v_leader.turn;
    return query select found, v_leader.turn;
end
$$;


--
-- Name: FUNCTION stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint) IS 'Makes the candidate the leader where there is none, where the session in which the last one led is gone, or where the turn is
     still p_silent_turn: the one that the candidate has seen unchanged for the lease.';


--
-- Name: stop_processor(uuid); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.stop_processor(p_processor uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    AS $$
begin
    lock table ledger.events in row exclusive mode;
    with stopped as (
        update ledger.processors p set stopped_at = now()
        where p.processor = p_processor and p.login = session_user and p.stopped_at is null and p.lost_at is null
        returning p.processor
    )
    insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data)
    select ledger.new_id(), 'processor.stopped', 1, session_user, session_user, now(), now(), ledger.current_life(),
           json_build_object('processor', s.processor)
    from stopped s;
end
$$;


--
-- Name: submit(text, json, text, integer, timestamp with time zone, json, text, json, uuid, text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.submit(name text, params json DEFAULT '{}'::json, namespace text DEFAULT 'default'::text, priority integer DEFAULT 0, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, limits json DEFAULT NULL::json, key text DEFAULT NULL::text, labels json DEFAULT NULL::json, job_id uuid DEFAULT NULL::uuid, on_behalf_of text DEFAULT NULL::text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'ledger', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET standard_conforming_strings TO 'on'
    AS $$
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
    insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
    values (ledger.new_id(), v_job, 'job.requested', 1, v_owner, session_user, clock_timestamp(), now(), ledger.current_life(), v_data::json)
    on conflict do nothing;
    if not found and not exists (select from ledger.events e
                                 where e.job_id = v_job and e.type = 'job.requested' and e.owner = v_owner and e.data::text = v_data) then
        raise exception 'job refused: job % was requested before', v_job using errcode = 'JL003';
    end if;
    return v_job;
end
$$;


--
-- Name: FUNCTION submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) IS 'Requests a job straight from a session that is online, and gives its id. Calling again with the same job_id and content is harmless.
     With a key, an unfinished job of the same owner, namespace, name and key is given instead, and nothing is requested: one that
     submit has requested, or one that came from a file and is in order. Who asks for the same key in a transaction that is still open
     is waited for.';


--
-- Name: sum_tally(); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.sum_tally() RETURNS void
    LANGUAGE sql
    AS $$
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


--
-- Name: why_unreadable(text); Type: FUNCTION; Schema: ledger; Owner: -
--

CREATE FUNCTION ledger.why_unreadable(p_data text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    AS $$
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


--
-- Name: FUNCTION why_unreadable(p_data text); Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON FUNCTION ledger.why_unreadable(p_data text) IS 'Why not every reader can read this as the data of an event, or null.';


--
-- Name: claims; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.claims (
    processor uuid NOT NULL,
    claim uuid NOT NULL,
    claimed_at timestamp with time zone DEFAULT now() NOT NULL,
    job_ids uuid[] NOT NULL,
    attempts integer[] NOT NULL,
    CONSTRAINT every_job_has_its_attempt CHECK ((cardinality(job_ids) = cardinality(attempts)))
);
ALTER TABLE ONLY ledger.claims ALTER COLUMN job_ids SET STORAGE EXTERNAL;


--
-- Name: TABLE claims; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.claims IS 'Which attempts a processor started together, job by job. Gone some time after all of them have ended, or were rescued: so a row
     says nothing about a later attempt of the same job, which stands in a claim of its own.';


--
-- Name: counts; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.counts (
    namespace text NOT NULL,
    name text NOT NULL,
    standing text NOT NULL,
    jobs bigint NOT NULL,
    CONSTRAINT somebody_stands_there CHECK ((jobs <> 0)),
    CONSTRAINT standing_is_known CHECK ((standing = ANY (ARRAY['ready'::text, 'scheduled'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
)
WITH (fillfactor='50');


--
-- Name: TABLE counts; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.counts IS 'How many jobs stand where, but for what ledger.tally has noted since. Where none stands, there is no row.';


--
-- Name: delegations; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.delegations (
    actor text NOT NULL,
    owner text,
    granted_by text DEFAULT SESSION_USER NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY ledger.delegations REPLICA IDENTITY FULL;


--
-- Name: TABLE delegations; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.delegations IS 'Which login may act on behalf of which owner; null: of every owner. An owner need not be a login, so that a service can
     keep its users apart.';


--
-- Name: early_cancels; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.early_cancels (
    job_id uuid NOT NULL,
    owner text NOT NULL,
    event_id uuid NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE early_cancels; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.early_cancels IS 'Cancels that came before the request of their job.';


--
-- Name: events; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.events (
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    replica_seq bigint,
    life smallint NOT NULL,
    v smallint NOT NULL,
    id uuid NOT NULL,
    job_id uuid,
    correlation_id uuid,
    causation_id uuid,
    replica_id uuid,
    type text NOT NULL,
    owner text NOT NULL,
    actor text NOT NULL,
    data json NOT NULL,
    CONSTRAINT job_events_name_their_job CHECK (((job_id IS NOT NULL) OR (type !~ similar_to_escape('(job|attempt|step).%'::text)))),
    CONSTRAINT replica_and_its_number_go_together CHECK (((replica_id IS NULL) = (replica_seq IS NULL))),
    CONSTRAINT times_can_be_read CHECK (((occurred_at >= '1599-12-31 00:00:00+00'::timestamp with time zone) AND (occurred_at < '9000-01-02 00:00:00+00'::timestamp with time zone)))
);


--
-- Name: TABLE events; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.events IS 'Every event, as it arrived. Append-only. data is the exact text that was sent.';


--
-- Name: COLUMN events.txid; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.events.txid IS 'The transaction that wrote the event; what the sequencer looks for.';


--
-- Name: COLUMN events.recorded_at; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.events.recorded_at IS 'The server''s clock. Order is not taken from it: see ledger.log.';


--
-- Name: COLUMN events.occurred_at; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.events.occurred_at IS 'The author''s clock: a claim, kept as it was made.';


--
-- Name: jobs; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.jobs (
    job_id uuid NOT NULL,
    seq bigint NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    run_at timestamp with time zone,
    expires_at timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    processor uuid,
    attempt integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    losses integer DEFAULT 0 NOT NULL,
    max_attempts integer,
    timeout_ms integer,
    priority smallint NOT NULL,
    status text NOT NULL,
    owner text NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    key text,
    CONSTRAINT finished_jobs_have_a_time CHECK (((status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT running_jobs_have_a_processor CHECK (((status = 'running'::text) = (processor IS NOT NULL))),
    CONSTRAINT status_is_known CHECK ((status = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
)
WITH (fillfactor='40');
ALTER TABLE ONLY ledger.jobs ALTER COLUMN job_id SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN seq SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN requested_at SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN run_at SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN expires_at SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN cancel_requested_at SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN started_at SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN finished_at SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN processor SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN attempt SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN failures SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN losses SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN max_attempts SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN timeout_ms SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN priority SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN status SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN owner SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN namespace SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN name SET STATISTICS 0;
ALTER TABLE ONLY ledger.jobs ALTER COLUMN key SET STATISTICS 0;


--
-- Name: TABLE jobs; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.jobs IS 'One row a job: the fold of its events, as far as claims and listings need it.';


--
-- Name: COLUMN jobs.seq; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.jobs.seq IS 'The number of its request in ledger.log: first come, first served.';


--
-- Name: COLUMN jobs.run_at; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.jobs.run_at IS 'Not before this time; null: at once.';


--
-- Name: COLUMN jobs.max_attempts; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.jobs.max_attempts IS 'As the request asked; null: the handler''s own.';


--
-- Name: COLUMN jobs.key; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.jobs.key IS 'What ledger.submit finds an unfinished job by; null: it was asked for without one.';


--
-- Name: keys; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.keys (
    owner text NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    key text NOT NULL,
    job_id uuid NOT NULL
);


--
-- Name: TABLE keys; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.keys IS 'The last job that ledger.submit has requested, or found, under each key. The row is what two sessions that ask at the same
     moment meet at: the second waits until the first has committed. Only ledger.submit takes it, so it holds up nobody else.';


--
-- Name: leader; Type: TABLE; Schema: ledger; Owner: -
--

CREATE UNLOGGED TABLE ledger.leader (
    only_row boolean DEFAULT true NOT NULL,
    holder uuid NOT NULL,
    turn bigint NOT NULL,
    backend_pid integer NOT NULL,
    pid integer NOT NULL,
    host text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    renewed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT leader_only_row_check CHECK (only_row)
)
WITH (fillfactor='50');


--
-- Name: TABLE leader; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.leader IS 'Which processor makes the passes and rescues jobs. Renewed each second from where the passes are made; unlogged, so that no commit
     waits for the disk, and empty after a crash, when nobody leads either.';


--
-- Name: COLUMN leader.turn; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.leader.turn IS 'Changes with every renewal and every election. Who sees it stand still for the lease, takes over.';


--
-- Name: leftovers; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.leftovers (
    life smallint NOT NULL,
    txid xid8 NOT NULL,
    event_id uuid NOT NULL
);


--
-- Name: TABLE leftovers; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.leftovers IS 'What an earlier life left out of the log; the next passes take it in. Within one life transaction ids still tell the order.';


--
-- Name: lives; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.lives (
    life smallint NOT NULL,
    epoch uuid DEFAULT gen_random_uuid() NOT NULL,
    system_identifier bigint NOT NULL,
    timeline integer NOT NULL,
    database_oid oid NOT NULL,
    began_at timestamp with time zone DEFAULT now() NOT NULL,
    reason text NOT NULL
);


--
-- Name: TABLE lives; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.lives IS 'The lives of this database; the one with the highest number is the current one.';


--
-- Name: log; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.log (
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    owner text NOT NULL
);


--
-- Name: TABLE log; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.log IS 'The one order of all events: gapless, and never read before everything below it is there.';


--
-- Name: my_jobs; Type: VIEW; Schema: ledger; Owner: -
--

CREATE VIEW ledger.my_jobs WITH (security_barrier='true') AS
 SELECT job_id,
    name,
    namespace,
    status,
    priority,
    attempt,
    failures,
    requested_at,
    run_at,
    started_at,
    cancel_requested_at,
    finished_at
   FROM ledger.jobs j
  WHERE ((owner = ((SESSION_USER)::text COLLATE "default")) AND (owner >= ((SESSION_USER)::text COLLATE "default")) AND (owner <= ((SESSION_USER)::text COLLATE "default")) AND ((job_id >= '00000000-0000-0000-0000-000000000000'::uuid) AND (job_id <= 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)))
  ORDER BY job_id DESC;


--
-- Name: VIEW my_jobs; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON VIEW ledger.my_jobs IS 'The caller''s own jobs, the latest first.';


--
-- Name: processors; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.processors (
    processor uuid NOT NULL,
    number integer NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    stopped_at timestamp with time zone,
    lost_at timestamp with time zone,
    beats bigint DEFAULT 0 NOT NULL,
    loop_still interval DEFAULT '00:00:00'::interval NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    login text NOT NULL,
    namespaces text[] NOT NULL,
    names text[] NOT NULL
)
WITH (fillfactor='50');


--
-- Name: TABLE processors; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.processors IS 'Who runs jobs. While a processor lives, its session holds advisory lock (lock class, number).';


--
-- Name: COLUMN processors.beats; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.processors.beats IS 'How often it was heard. Others go by whether this changes, and how long it has not, by clocks of their own that are never set:
     heartbeat_at is there to be read, and decides nothing.';


--
-- Name: COLUMN processors.loop_still; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.processors.loop_still IS 'How long its event loop had not moved at the last heartbeat, which a thread beside it sends.';


--
-- Name: processors_number_seq; Type: SEQUENCE; Schema: ledger; Owner: -
--

ALTER TABLE ledger.processors ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.processors_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: queue; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.queue (
    job_id uuid NOT NULL,
    seq bigint NOT NULL,
    run_at timestamp with time zone,
    expires_at timestamp with time zone,
    priority smallint NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL
);


--
-- Name: TABLE queue; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.queue IS 'The pending jobs. run_at null: may start now; otherwise not before then.';


--
-- Name: refusals; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.refusals (
    replica_id uuid NOT NULL,
    replica_seq bigint NOT NULL,
    event_id text NOT NULL,
    job_id text,
    owner text NOT NULL,
    refused_at timestamp with time zone DEFAULT now() NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    type text,
    data text
);


--
-- Name: TABLE refusals; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.refusals IS 'What was refused, from whom and why. It has used up its number, and delays nobody.';


--
-- Name: replica_turns; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.replica_turns (
    replica_id uuid NOT NULL,
    what text NOT NULL,
    at bigint NOT NULL,
    life smallint NOT NULL,
    CONSTRAINT replica_turns_what_check CHECK ((what = ANY (ARRAY['replica.forked'::text, 'replica.rewound'::text])))
);


--
-- Name: TABLE replica_turns; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.replica_turns IS 'Where a replica was found to be a copy, or the server to be restored: each is an event, once in a life.';


--
-- Name: COLUMN replica_turns.life; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON COLUMN ledger.replica_turns.life IS 'In which the replica''s numbers had been taken. A replica that is ahead of a ledger whose life is still the same says that files of an
     earlier moment were put back unnoticed; it may lie, so nothing follows from it but a word of doctor''s.';


--
-- Name: replicas; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.replicas (
    replica_id uuid NOT NULL,
    owner text NOT NULL,
    head bigint NOT NULL,
    life smallint NOT NULL,
    txid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL
)
WITH (fillfactor='50');


--
-- Name: TABLE replicas; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.replicas IS 'Each client file: whose it is, the number of the last event taken from it, and the life and transaction it came in.';


--
-- Name: rights; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.rights (
    what text NOT NULL,
    place integer NOT NULL,
    give text
);


--
-- Name: TABLE rights; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.rights IS 'The rights as they were installed. give: the statement that gives it; null: to be mended by hand.';


--
-- Name: rights_found; Type: VIEW; Schema: ledger; Owner: -
--

CREATE VIEW ledger.rights_found WITH (security_barrier='true') AS
 WITH ours AS (
         SELECT n.oid,
            n.nspowner AS owner
           FROM pg_namespace n
          WHERE (n.nspname = 'ledger'::name)
        ), relation AS (
         SELECT c.oid,
            c.relname,
            c.relnamespace,
            c.reltype,
            c.reloftype,
            c.relowner,
            c.relam,
            c.relfilenode,
            c.reltablespace,
            c.relpages,
            c.reltuples,
            c.relallvisible,
            c.relallfrozen,
            c.reltoastrelid,
            c.relhasindex,
            c.relisshared,
            c.relpersistence,
            c.relkind,
            c.relnatts,
            c.relchecks,
            c.relhasrules,
            c.relhastriggers,
            c.relhassubclass,
            c.relrowsecurity,
            c.relforcerowsecurity,
            c.relispopulated,
            c.relreplident,
            c.relispartition,
            c.relrewrite,
            c.relfrozenxid,
            c.relminmxid,
            c.relacl,
            c.reloptions,
            c.relpartbound,
                CASE c.relkind
                    WHEN 'S'::"char" THEN 'sequence'::text
                    WHEN 'v'::"char" THEN 'view'::text
                    ELSE 'table'::text
                END AS kind,
            format('ledger.%I'::text, c.relname) AS name
           FROM (pg_class c
             JOIN ours o ON ((o.oid = c.relnamespace)))
          WHERE (c.relkind = ANY (ARRAY['r'::"char", 'p'::"char", 'v'::"char", 'm'::"char", 'f'::"char", 'S'::"char"]))
        ), function AS (
         SELECT p.oid,
            p.proname,
            p.pronamespace,
            p.proowner,
            p.prolang,
            p.procost,
            p.prorows,
            p.provariadic,
            p.prosupport,
            p.prokind,
            p.prosecdef,
            p.proleakproof,
            p.proisstrict,
            p.proretset,
            p.provolatile,
            p.proparallel,
            p.pronargs,
            p.pronargdefaults,
            p.prorettype,
            p.proargtypes,
            p.proallargtypes,
            p.proargmodes,
            p.proargnames,
            p.proargdefaults,
            p.protrftypes,
            p.prosrc,
            p.probin,
            p.prosqlbody,
            p.proconfig,
            p.proacl,
            format('ledger.%I(%s)'::text, p.proname, pg_get_function_identity_arguments(p.oid)) AS name
           FROM (pg_proc p
             JOIN ours o ON ((o.oid = p.pronamespace)))
        ), member AS (
         SELECT r.rolname,
            r.rolsuper,
            r.rolinherit,
            r.rolcreaterole,
            r.rolcreatedb,
            r.rolcanlogin,
            r.rolreplication,
            r.rolconnlimit,
            r.rolpassword,
            r.rolvaliduntil,
            r.rolbypassrls,
            r.rolconfig,
            r.oid,
            (r.rolname)::text AS name
           FROM pg_roles r
          WHERE (r.rolname = ANY (ARRAY['ledger_client'::name, 'ledger_processor'::name, 'ledger_auditor'::name, 'ledger_operator'::name]))
        ), granted(thing, list) AS (
         SELECT 'schema ledger'::text AS "?column?",
            COALESCE(n.nspacl, acldefault('n'::"char", n.nspowner)) AS "coalesce"
           FROM (pg_namespace n
             JOIN ours USING (oid))
        UNION ALL
         SELECT (
                CASE r.kind
                    WHEN 'sequence'::text THEN 'sequence '::text
                    ELSE 'table '::text
                END || r.name),
            COALESCE(r.relacl, acldefault((
                CASE r.kind
                    WHEN 'sequence'::text THEN 's'::text
                    ELSE 'r'::text
                END)::"char", r.relowner)) AS "coalesce"
           FROM relation r
        UNION ALL
         SELECT ('function '::text || f.name),
            COALESCE(f.proacl, acldefault('f'::"char", f.proowner)) AS "coalesce"
           FROM function f
        ), grantee(oid, name) AS (
         SELECT m.oid,
            m.name
           FROM member m
        UNION ALL
         SELECT (0)::oid AS oid,
            'public'::text
        )
 SELECT 1 AS place,
    ('there is a role '::text || m.name) AS what,
    format('create role %I nologin'::text, m.name) AS give,
    NULL::text AS take
   FROM member m
UNION ALL
 SELECT 2 AS place,
    (m.name || ' is a group without powers of its own'::text) AS what,
    format('alter role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls'::text, m.name) AS give,
    NULL::text AS take
   FROM member m
  WHERE (NOT (m.rolcanlogin OR m.rolsuper OR m.rolcreatedb OR m.rolcreaterole OR m.rolreplication OR m.rolbypassrls))
UNION ALL
 SELECT DISTINCT 2 AS place,
    format('%s is in %I'::text, m.name, g.rolname) AS what,
    format('grant %I to %I'::text, g.rolname, m.name) AS give,
    format('revoke %I from %I'::text, g.rolname, m.name) AS take
   FROM ((member m
     JOIN pg_auth_members a ON ((a.member = m.oid)))
     JOIN pg_roles g ON ((g.oid = a.roleid)))
UNION ALL
 SELECT 3 AS place,
    (x.what || ' belongs to the owner of the schema'::text) AS what,
    NULL::text AS give,
    NULL::text AS take
   FROM (ours o
     JOIN ( SELECT ((r.kind || ' '::text) || r.name) AS what,
            r.relowner AS owner
           FROM relation r
        UNION ALL
         SELECT ('function '::text || f.name),
            f.proowner
           FROM function f) x USING (owner))
UNION ALL
 SELECT DISTINCT 4 AS place,
    format('%s may %s on %s'::text, g.name, lower(x.privilege_type), l.thing) AS what,
    format('grant %s on %s to %s'::text, x.privilege_type, l.thing, g.name) AS give,
    format('revoke %s on %s from %s'::text, x.privilege_type, l.thing, g.name) AS take
   FROM ((granted l
     CROSS JOIN LATERAL aclexplode(l.list) x(grantor, grantee, privilege_type, is_grantable))
     JOIN grantee g ON ((g.oid = x.grantee)))
UNION ALL
 SELECT DISTINCT 4 AS place,
    format('%s may %s on column %s of %s'::text, g.name, lower(x.privilege_type), a.attname, r.name) AS what,
    format('grant %s (%I) on %s to %s'::text, x.privilege_type, a.attname, r.name, g.name) AS give,
    format('revoke %s (%I) on %s from %s'::text, x.privilege_type, a.attname, r.name, g.name) AS take
   FROM (((relation r
     JOIN pg_attribute a ON ((a.attrelid = r.oid)))
     CROSS JOIN LATERAL aclexplode(a.attacl) x(grantor, grantee, privilege_type, is_grantable))
     JOIN grantee g ON ((g.oid = x.grantee)))
UNION ALL
 SELECT 5 AS place,
    (r.name || ' has row-level security'::text) AS what,
    format('alter table %s enable row level security'::text, r.name) AS give,
    format('alter table %s disable row level security'::text, r.name) AS take
   FROM relation r
  WHERE r.relrowsecurity
UNION ALL
 SELECT 6 AS place,
    format('policy %I on %s: %s for %s to %s using (%s)'::text, p.polname, r.name,
        CASE
            WHEN p.polpermissive THEN 'permissive'::text
            ELSE 'restrictive'::text
        END, p.cmd, p.roles, p.condition) AS what,
    format('create policy %I on %s as %s for %s to %s using (%s)'::text, p.polname, r.name,
        CASE
            WHEN p.polpermissive THEN 'permissive'::text
            ELSE 'restrictive'::text
        END, p.cmd, p.roles, p.condition) AS give,
    format('drop policy %I on %s'::text, p.polname, r.name) AS take
   FROM (relation r
     JOIN ( SELECT q.oid,
            q.polname,
            q.polrelid,
            q.polcmd,
            q.polpermissive,
            q.polroles,
            q.polqual,
            q.polwithcheck,
                CASE q.polcmd
                    WHEN 'r'::"char" THEN 'select'::text
                    WHEN 'a'::"char" THEN 'insert'::text
                    WHEN 'w'::"char" THEN 'update'::text
                    WHEN 'd'::"char" THEN 'delete'::text
                    ELSE 'all'::text
                END AS cmd,
            ( SELECT string_agg(
                        CASE
                            WHEN (x.x = (0)::oid) THEN 'public'::text
                            ELSE quote_ident((pg_get_userbyid(x.x))::text)
                        END, ', '::text) AS string_agg
                   FROM unnest(q.polroles) x(x)) AS roles,
            COALESCE(pg_get_expr(q.polqual, q.polrelid), 'true'::text) AS condition
           FROM pg_policy q) p ON ((p.polrelid = r.oid)))
UNION ALL
 SELECT 7 AS place,
    (r.name || ' is a security barrier'::text) AS what,
    format('alter view %s set (security_barrier = true)'::text, r.name) AS give,
    NULL::text AS take
   FROM relation r
  WHERE (r.reloptions @> ARRAY['security_barrier=true'::text])
UNION ALL
 SELECT 7 AS place,
    format('trigger %I on %s is on'::text, t.tgname, r.name) AS what,
    format('alter table %s enable trigger %I'::text, r.name, t.tgname) AS give,
    NULL::text AS take
   FROM (relation r
     JOIN pg_trigger t ON ((t.tgrelid = r.oid)))
  WHERE ((NOT t.tgisinternal) AND (t.tgenabled = ANY (ARRAY['O'::"char", 'A'::"char"])))
UNION ALL
 SELECT 7 AS place,
    format('column %I of %s keeps no statistics'::text, a.attname, r.name) AS what,
    format('alter table %s alter %I set statistics 0'::text, r.name, a.attname) AS give,
    NULL::text AS take
   FROM (relation r
     JOIN pg_attribute a ON ((a.attrelid = r.oid)))
  WHERE ((a.attnum > 0) AND (a.attstattarget = 0))
UNION ALL
 SELECT 8 AS place,
    format('function %s runs as its %s%s'::text, f.name,
        CASE
            WHEN f.prosecdef THEN 'owner'::text
            ELSE 'caller'::text
        END, (', with '::text || array_to_string(f.proconfig, ' and '::text))) AS what,
    format('alter function %s security %s reset all %s'::text, f.name,
        CASE
            WHEN f.prosecdef THEN 'definer'::text
            ELSE 'invoker'::text
        END, ( SELECT string_agg(format('set %I to %s'::text, c.name,
                CASE
                    WHEN (c.name = 'search_path'::text) THEN c.value
                    ELSE quote_literal(c.value)
                END), ' '::text) AS string_agg
           FROM ( SELECT split_part(x.x, '='::text, 1) AS name,
                    substr(x.x, (strpos(x.x, '='::text) + 1)) AS value
                   FROM unnest(f.proconfig) x(x)) c)) AS give,
    NULL::text AS take
   FROM function f;


--
-- Name: VIEW rights_found; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON VIEW ledger.rights_found IS 'The rights as they are: give is the statement that would give it, take the one that takes it away.';


--
-- Name: schema_version; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.schema_version (
    version integer NOT NULL,
    installed_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: TABLE schema_version; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.schema_version IS 'Which versions of this file were installed, and when.';


--
-- Name: sequencer; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.sequencer (
    only_row boolean DEFAULT true NOT NULL,
    last_seq bigint NOT NULL,
    life smallint NOT NULL,
    snapshot pg_snapshot NOT NULL,
    CONSTRAINT sequencer_only_row_check CHECK (only_row)
);


--
-- Name: TABLE sequencer; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.sequencer IS 'How far the log goes: its last number, and the snapshot whose transactions are all in it.';


--
-- Name: tally; Type: TABLE; Schema: ledger; Owner: -
--

CREATE TABLE ledger.tally (
    namespace text NOT NULL,
    name text NOT NULL,
    standing text NOT NULL,
    jobs bigint NOT NULL,
    CONSTRAINT standing_is_known CHECK ((standing = ANY (ARRAY['ready'::text, 'scheduled'::text, 'running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);

ALTER TABLE ONLY ledger.tally REPLICA IDENTITY FULL;


--
-- Name: TABLE tally; Type: COMMENT; Schema: ledger; Owner: -
--

COMMENT ON TABLE ledger.tally IS 'How many jobs came to a standing, and left it, since ledger.counts was last brought up to date. Whoever moves jobs adds rows and
     changes none, so nobody waits for anybody. ledger.sequence adds them to the counts now and then, which costs what has changed:
     clients choose names, and there may be any number of them.';


--
-- Data for Name: claims; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.claims VALUES
	('01a20f01-932d-768d-b9e6-f555a72e212f', '01a20f01-9343-76c9-a222-924554d85ce3', '2026-11-24 19:21:31.209386+00', '{01a20f01-90a4-777a-87cc-ecdbbd6773db,01a20f01-90ac-7180-9d04-1b26ae1ad963}', '{1,1}'),
	('01a20f01-932d-768d-b9e6-f555a72e212f', '01a20f01-97aa-7330-b554-9b795a1281fb', '2026-11-24 19:21:32.331075+00', '{01a20f01-9076-7597-8a77-8f16959fc83f}', '{2}');


--
-- Data for Name: counts; Type: TABLE DATA; Schema: ledger; Owner: -
--



--
-- Data for Name: delegations; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.delegations VALUES
	('app_alice', 'tenant-7', 'postgres', '2026-11-24 19:21:23.403931+00');


--
-- Data for Name: early_cancels; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.early_cancels VALUES
	('834666a9-5558-4d88-b36c-802727c98bef', 'app_alice', '01a20f01-8884-72f5-9563-4069c9c8fc70', '2026-11-24 19:21:28.874248+00');


--
-- Data for Name: events; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.events VALUES
	('762', '2026-11-24 19:21:23.403931+00', '2026-11-24 19:21:23.403931+00', NULL, 1, 1, '01a20f01-74ce-75d5-a25a-4418e3e7f4ab', NULL, NULL, NULL, NULL, 'delegation.granted', 'app_alice', 'postgres', '{"login" : "app_alice", "owner" : "tenant-7"}'),
	('763', '2026-11-24 19:21:23.63557+00', '2026-11-24 19:21:23.509401+00', 1, 1, 1, '01a20f01-7535-736f-8391-548c52b8d41b', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, '01a20f01-752d-7142-baa7-0cf6463973ad', 'job.requested', 'app_bob', 'app_bob', '{"name":"square","params":{"n":7},"labels":{"of":"bob"}}'),
	('763', '2026-11-24 19:21:23.63557+00', '2026-11-24 19:21:23.514005+00', 2, 1, 1, '01a20f01-753a-7560-8862-04cd7a424722', '01a20f01-753a-7560-8862-04cd7a424722', NULL, NULL, '01a20f01-752d-7142-baa7-0cf6463973ad', 'job.requested', 'app_bob', 'app_bob', '{"name":"nobody-serves-this"}'),
	('766', '2026-11-24 19:21:23.68682+00', '2026-11-24 19:21:23.68682+00', NULL, 1, 1, '01a20f01-75e8-7c58-9e1d-43700fe36063', NULL, NULL, NULL, NULL, 'processor.started', 'worker', 'worker', '{"processor" : "d5dfd67f-7eb7-4092-8c74-4e8b1f355177", "host" : "gone.example", "pid" : 1, "namespaces" : ["default"], "names" : ["square"]}'),
	('767', '2026-11-24 19:21:23.690498+00', '2026-11-24 19:21:23.690498+00', NULL, 1, 1, '01a20f01-75ec-7148-b75b-e437ff885cfd', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'attempt.started', 'app_bob', 'worker', '{"attempt":1,"processor":"d5dfd67f-7eb7-4092-8c74-4e8b1f355177"}'),
	('768', '2026-11-24 19:21:24.225099+00', '2026-11-24 19:21:24.225099+00', NULL, 1, 1, '01a20f01-7807-70b1-9e09-bd946e04a94c', NULL, NULL, NULL, NULL, 'processor.started', 'worker', 'worker', '{"processor" : "01a20f01-7800-721d-88d3-f82b4d1af563", "host" : "vm", "pid" : 898, "namespaces" : ["default"], "names" : ["crash","defer","fail","give-up","retry-later","second-try","square","stay"]}'),
	('790', '2026-11-24 19:21:28.27511+00', '2026-11-24 19:21:28.27511+00', NULL, 1, 1, '01a20f01-87d4-72d0-9536-bdf3e906943e', NULL, NULL, NULL, NULL, 'processor.lost', 'worker', 'worker', '{"processor" : "d5dfd67f-7eb7-4092-8c74-4e8b1f355177", "last_heartbeat_at" : "2026-11-24T19:21:23.68682+00:00", "noticed_by" : "lock"}'),
	('790', '2026-11-24 19:21:28.27511+00', '2026-11-24 19:21:28.276556+00', NULL, 1, 1, '01a20f01-87d4-722a-a1fd-b427a0845720', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'attempt.lost', 'app_bob', 'worker', '{"attempt":1,"processor":"d5dfd67f-7eb7-4092-8c74-4e8b1f355177","noticed_by":"lock","retry_at":"2026-11-24T19:21:28.275110Z","alone":null}'),
	('792', '2026-11-24 19:21:28.297504+00', '2026-11-24 19:21:28.297504+00', NULL, 1, 1, '01a20f01-87eb-7dab-b6c5-e78e957c328f', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'attempt.started', 'app_bob', 'worker', '{"attempt":2,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('794', '2026-11-24 19:21:28.316549+00', '2026-11-24 19:21:28.312242+00', NULL, 1, 1, '01a20f01-87fb-710c-bd57-8cbd2027c7b9', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'step.completed', 'app_bob', 'worker', '{"attempt":2,"step":"multiply","result":49}'),
	('794', '2026-11-24 19:21:28.316549+00', '2026-11-24 19:21:28.316203+00', NULL, 1, 1, '01a20f01-87fc-7048-ae53-3a0d517a9964', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'attempt.logged', 'app_bob', 'worker', '{"attempt":2,"first":1,"lines":[{"at":"2026-11-24T19:21:28.312038Z","level":"info","message":"squaring 7"}]}'),
	('794', '2026-11-24 19:21:28.316549+00', '2026-11-24 19:21:28.316203+00', NULL, 1, 1, '01a20f01-87fc-7048-ae53-3a0e02a982e0', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'attempt.progressed', 'app_bob', 'worker', '{"attempt":2,"n":1,"percent":50.0,"message":"half-way","data":{"n":7}}'),
	('795', '2026-11-24 19:21:28.339985+00', '2026-11-24 19:21:28.339612+00', NULL, 1, 1, '01a20f01-8813-76f2-9162-6579b866db9a', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'job.completed', 'app_bob', 'worker', '{"attempt":2,"result":49}'),
	('798', '2026-11-24 19:21:28.383227+00', '2026-11-24 19:21:28.383227+00', NULL, 1, 1, '01a20f01-8844-725c-8e62-2d67db20503c', NULL, NULL, NULL, NULL, 'processor.started', 'worker', 'worker', '{"processor" : "480f342a-4e3e-4f5b-aef0-5d1a6711a0d8", "host" : "late.example", "pid" : 2, "namespaces" : ["default"], "names" : ["none"]}'),
	('800', '2026-11-24 19:21:28.391785+00', '2026-11-24 19:21:28.391785+00', NULL, 1, 1, 'a3298dbc-fd2a-44d2-9948-af5c8f7f2fbb', '01a20f01-7535-736f-8391-548c52b8d41b', NULL, NULL, NULL, 'attempt.superseded', 'app_bob', 'worker', '{"attempt" : 1, "processor" : "480f342a-4e3e-4f5b-aef0-5d1a6711a0d8", "late" : {"type" : "job.completed", "data" : {"attempt":1,"result":"too late"}}}'),
	('801', '2026-11-24 19:21:28.402443+00', '2026-11-24 19:21:28.402443+00', NULL, 1, 1, '01a20f01-8853-78d7-a237-78cf8c6b3ac5', NULL, NULL, NULL, NULL, 'processor.stopped', 'worker', 'worker', '{"processor" : "480f342a-4e3e-4f5b-aef0-5d1a6711a0d8"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.4233+00', 1, 1, 1, '01a20f01-8868-7506-bbe8-d207549f7673', '01a20f01-8868-7506-bbe8-d207549f7673', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":0},"key":"n=0"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.42715+00', 2, 1, 1, '01a20f01-886b-764b-b5af-074c9c781226', '01a20f01-886b-764b-b5af-074c9c781226', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":1},"key":"n=1"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.428101+00', 3, 1, 1, '01a20f01-886c-7607-af38-6d0ef2f0fa15', '01a20f01-886c-7607-af38-6d0ef2f0fa15', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":2},"key":"n=2"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.428914+00', 4, 1, 1, '01a20f01-886d-728f-a7b9-b0a793297ba7', '01a20f01-886d-728f-a7b9-b0a793297ba7', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":3},"key":"n=3"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.429942+00', 5, 1, 1, '01a20f01-886e-7688-ab2b-41c05e058d40', '01a20f01-886e-7688-ab2b-41c05e058d40', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":4},"key":"n=4"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.430728+00', 6, 1, 1, '01a20f01-886e-7688-ab2b-41c0ef6f88ee', '01a20f01-886e-7688-ab2b-41c0ef6f88ee', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":5},"key":"n=5"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.431479+00', 7, 1, 1, '01a20f01-886f-7718-869b-d9ace38fe8d0', '01a20f01-886f-7718-869b-d9ace38fe8d0', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":6},"key":"n=6"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.432224+00', 8, 1, 1, '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":7},"key":"n=7"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.433076+00', 9, 1, 1, '01a20f01-8871-75e5-85e8-5445d787a5f1', '01a20f01-8871-75e5-85e8-5445d787a5f1', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":8},"key":"n=8"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.43384+00', 10, 1, 1, '01a20f01-8871-75e5-85e8-5446addc3a82', '01a20f01-8871-75e5-85e8-5446addc3a82', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":9},"key":"n=9"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.434613+00', 11, 1, 1, '01a20f01-8872-75f0-ac59-e6efaa5d133b', '01a20f01-8872-75f0-ac59-e6efaa5d133b', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":10},"key":"n=10"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.435367+00', 12, 1, 1, '01a20f01-8873-7540-9ce4-508f20abff1b', '01a20f01-8873-7540-9ce4-508f20abff1b', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":11},"key":"n=11"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.436163+00', 13, 1, 1, '01a20f01-8874-7037-ad35-95f5b4c17935', '01a20f01-8874-7037-ad35-95f5b4c17935', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":12},"key":"n=12"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.436916+00', 14, 1, 1, '01a20f01-8874-7037-ad35-95f5da220af0', '01a20f01-8874-7037-ad35-95f5da220af0', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":13},"key":"n=13"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.437764+00', 15, 1, 1, '01a20f01-8875-7725-b811-dbd91e2cb199', '01a20f01-8875-7725-b811-dbd91e2cb199', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":14},"key":"n=14"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.438625+00', 16, 1, 1, '01a20f01-8876-72f6-b0b8-df19a2747650', '01a20f01-8876-72f6-b0b8-df19a2747650', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":15},"key":"n=15"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.439521+00', 17, 1, 1, '01a20f01-8877-70aa-ae2a-e00a134aa4ce', '01a20f01-8877-70aa-ae2a-e00a134aa4ce', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":16},"key":"n=16"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.440359+00', 18, 1, 1, '01a20f01-8878-769b-9f34-4fdc2c7d11d1', '01a20f01-8878-769b-9f34-4fdc2c7d11d1', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":17},"key":"n=17"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.441061+00', 19, 1, 1, '01a20f01-8879-7517-820c-2302d6c004be', '01a20f01-8879-7517-820c-2302d6c004be', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":18},"key":"n=18"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.441712+00', 20, 1, 1, '01a20f01-8879-7517-820c-2303b2db2b2b', '01a20f01-8879-7517-820c-2303b2db2b2b', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":19},"key":"n=19"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.442406+00', 21, 1, 1, '01a20f01-887a-74a7-8861-81cde0317333', '01a20f01-887a-74a7-8861-81cde0317333', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"second-try"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.444101+00', 22, 1, 1, '01a20f01-887c-723a-876c-f33c1a944577', '01a20f01-887c-723a-876c-f33c1a944577', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"fail"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.444638+00', 23, 1, 1, '01a20f01-887c-723a-876c-f33d077cd311', '01a20f01-887c-723a-876c-f33d077cd311', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"crash"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.445236+00', 24, 1, 1, '01a20f01-887d-757b-bf8f-1e2ee710563f', '01a20f01-887d-757b-bf8f-1e2ee710563f', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"give-up"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.44585+00', 25, 1, 1, '01a20f01-887d-757b-bf8f-1e2ef9ae3bb1', '01a20f01-887d-757b-bf8f-1e2ef9ae3bb1', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":1},"run_at":"2036-11-21T19:21:28.445735Z"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.447649+00', 27, 1, 1, '01a20f01-887f-71e5-92ad-79d4db9df9fd', '01a20f01-887d-757b-bf8f-1e2ef9ae3bb1', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.cancel_requested', 'app_alice', 'app_alice', '{"reason":"changed my mind"}'),
	('804', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:28.452+00', 29, 1, 1, '01a20f01-8884-72f5-9563-4069c9c8fc70', '834666a9-5558-4d88-b36c-802727c98bef', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.cancel_requested', 'app_alice', 'app_alice', '{}'),
	('806', '2026-11-24 19:21:28.890403+00', '2026-11-24 19:21:28.890403+00', NULL, 1, 1, '01a20f01-8a3f-7865-ae85-cc18f838117d', '01a20f01-887d-757b-bf8f-1e2ef9ae3bb1', NULL, NULL, NULL, 'job.cancelled', 'app_alice', 'worker', '{"attempt" : null}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af827d', '01a20f01-8868-7506-bbe8-d207549f7673', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af827e', '01a20f01-886b-764b-b5af-074c9c781226', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af827f', '01a20f01-886c-7607-af38-6d0ef2f0fa15', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8280', '01a20f01-886d-728f-a7b9-b0a793297ba7', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8281', '01a20f01-886e-7688-ab2b-41c05e058d40', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8282', '01a20f01-886e-7688-ab2b-41c0ef6f88ee', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}');
INSERT INTO ledger.events VALUES
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8283', '01a20f01-886f-7718-869b-d9ace38fe8d0', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8284', '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8285', '01a20f01-8871-75e5-85e8-5445d787a5f1', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8286', '01a20f01-8871-75e5-85e8-5446addc3a82', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8287', '01a20f01-8872-75f0-ac59-e6efaa5d133b', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8288', '01a20f01-8873-7540-9ce4-508f20abff1b', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af8289', '01a20f01-8874-7037-ad35-95f5b4c17935', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af828a', '01a20f01-8874-7037-ad35-95f5da220af0', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af828b', '01a20f01-8875-7725-b811-dbd91e2cb199', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af828c', '01a20f01-8876-72f6-b0b8-df19a2747650', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af828d', '01a20f01-8877-70aa-ae2a-e00a134aa4ce', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('807', '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.902871+00', NULL, 1, 1, '01a20f01-8a47-721c-8975-98da91af828e', '01a20f01-8878-769b-9f34-4fdc2c7d11d1', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('811', '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.924753+00', NULL, 1, 1, '01a20f01-8a5d-7cbf-ac96-ef961e1c1745', '01a20f01-8879-7517-820c-2302d6c004be', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('811', '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.924753+00', NULL, 1, 1, '01a20f01-8a5d-7cbf-ac96-ef961e1c1746', '01a20f01-8879-7517-820c-2303b2db2b2b', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('811', '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.924753+00', NULL, 1, 1, '01a20f01-8a5d-7cbf-ac96-ef961e1c1747', '01a20f01-887a-74a7-8861-81cde0317333', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('811', '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.924753+00', NULL, 1, 1, '01a20f01-8a5d-7cbf-ac96-ef961e1c1748', '01a20f01-887c-723a-876c-f33c1a944577', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('811', '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.924753+00', NULL, 1, 1, '01a20f01-8a5d-7cbf-ac96-ef961e1c1749', '01a20f01-887c-723a-876c-f33d077cd311', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('811', '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.924753+00', NULL, 1, 1, '01a20f01-8a5d-7cbf-ac96-ef961e1c174a', '01a20f01-887d-757b-bf8f-1e2ee710563f', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('828', '2026-11-24 19:21:28.977593+00', '2026-11-24 19:21:28.977593+00', NULL, 1, 1, '01a20f01-8a92-7125-ae89-7634c7592159', '01a20f01-887a-74a7-8861-81cde0317333', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":2,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('837', '2026-11-24 19:21:30.026789+00', '2026-11-24 19:21:30.026789+00', NULL, 1, 1, '01a20f01-8eab-76cd-a67f-20fa62678b73', '01a20f01-887c-723a-876c-f33d077cd311', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":2,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('844', '2026-11-24 19:21:30.16783+00', '2026-11-24 19:21:30.16783+00', NULL, 1, 1, '01a20f01-8f38-7b30-9ecc-34b0413d4e66', '01a20f01-8f12-73e5-972c-ceca06273e7a', NULL, NULL, NULL, 'attempt.started', 'tenant-7', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('852', '2026-11-24 19:21:30.207524+00', '2026-11-24 19:21:30.207524+00', NULL, 1, 1, '01a20f01-8f60-70d5-8e2e-16354e93ff96', '01a20f01-8f46-7385-868e-77ae283ebac0', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('861', '2026-11-24 19:21:30.264467+00', '2026-11-24 19:21:30.264467+00', NULL, 1, 1, '01a20f01-8f99-75dc-810b-1283011f62e7', '01a20f01-8f6a-7254-be4e-7c843979e7e2', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.912496+00', NULL, 1, 1, '01a20f01-8a50-718d-a487-915110610621', '01a20f01-8868-7506-bbe8-d207549f7673', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":0}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.912541+00', NULL, 1, 1, '01a20f01-8a50-718d-a487-9151e2042485', '01a20f01-886b-764b-b5af-074c9c781226', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":1}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.912556+00', NULL, 1, 1, '01a20f01-8a50-718d-a487-91527e2881cb', '01a20f01-886c-7607-af38-6d0ef2f0fa15', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":4}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.91257+00', NULL, 1, 1, '01a20f01-8a50-718d-a487-9152d356c9a6', '01a20f01-886d-728f-a7b9-b0a793297ba7', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":9}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.91301+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8a8bcf5e3c8', '01a20f01-8868-7506-bbe8-d207549f7673', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.908001Z","level":"info","message":"squaring 0"}]}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.91301+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8a950db9218', '01a20f01-8868-7506-bbe8-d207549f7673', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":0}}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.91305+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8aa0e993258', '01a20f01-886b-764b-b5af-074c9c781226', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.910698Z","level":"info","message":"squaring 1"}]}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.91305+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8aab6b00132', '01a20f01-886b-764b-b5af-074c9c781226', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":1}}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.913083+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8ab9f9fde77', '01a20f01-886c-7607-af38-6d0ef2f0fa15', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.911952Z","level":"info","message":"squaring 2"}]}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.913083+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8ac376f42df', '01a20f01-886c-7607-af38-6d0ef2f0fa15', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":2}}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.913114+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8ac6834fd9b', '01a20f01-886d-728f-a7b9-b0a793297ba7', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.912305Z","level":"info","message":"squaring 3"}]}'),
	('808', '2026-11-24 19:21:28.913415+00', '2026-11-24 19:21:28.913114+00', NULL, 1, 1, '01a20f01-8a51-76f4-ae2d-d8ad4f6f7554', '01a20f01-886d-728f-a7b9-b0a793297ba7', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":3}}'),
	('810', '2026-11-24 19:21:28.917217+00', '2026-11-24 19:21:28.916482+00', NULL, 1, 1, '01a20f01-8a54-7132-baab-39fc774e068b', '01a20f01-8868-7506-bbe8-d207549f7673', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":0}'),
	('810', '2026-11-24 19:21:28.917217+00', '2026-11-24 19:21:28.916381+00', NULL, 1, 1, '01a20f01-8a54-7132-baab-39fc28efbe20', '01a20f01-886c-7607-af38-6d0ef2f0fa15', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":4}'),
	('810', '2026-11-24 19:21:28.917217+00', '2026-11-24 19:21:28.916535+00', NULL, 1, 1, '01a20f01-8a54-7132-baab-39fc88ded8e6', '01a20f01-886d-728f-a7b9-b0a793297ba7', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":9}'),
	('812', '2026-11-24 19:21:28.927192+00', '2026-11-24 19:21:28.917155+00', NULL, 1, 1, '01a20f01-8a55-70d8-a031-0ed898e59c84', '01a20f01-886e-7688-ab2b-41c05e058d40', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":16}'),
	('812', '2026-11-24 19:21:28.927192+00', '2026-11-24 19:21:28.917178+00', NULL, 1, 1, '01a20f01-8a55-70d8-a031-0ed8daac5835', '01a20f01-886e-7688-ab2b-41c0ef6f88ee', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":25}'),
	('812', '2026-11-24 19:21:28.927192+00', '2026-11-24 19:21:28.917191+00', NULL, 1, 1, '01a20f01-8a55-70d8-a031-0ed94113abe1', '01a20f01-886f-7718-869b-d9ace38fe8d0', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":36}'),
	('812', '2026-11-24 19:21:28.927192+00', '2026-11-24 19:21:28.920582+00', NULL, 1, 1, '01a20f01-8a58-72ec-8200-0a288b6add0f', '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":49}'),
	('812', '2026-11-24 19:21:28.927192+00', '2026-11-24 19:21:28.917567+00', NULL, 1, 1, '01a20f01-8a55-70d8-a031-0ed9a094ea76', '01a20f01-886b-764b-b5af-074c9c781226', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":1}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.938854+00', NULL, 1, 1, '01a20f01-8a6a-7783-887f-a338e8af5257', '01a20f01-886e-7688-ab2b-41c0ef6f88ee', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.917033Z","level":"info","message":"squaring 5"}]}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.938854+00', NULL, 1, 1, '01a20f01-8a6a-7783-887f-a3395e27d28a', '01a20f01-886e-7688-ab2b-41c0ef6f88ee', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":5}}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939002+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2b7e2e0d81', '01a20f01-886f-7718-869b-d9ace38fe8d0', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.917103Z","level":"info","message":"squaring 6"}]}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939002+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2ba0b71634', '01a20f01-886f-7718-869b-d9ace38fe8d0', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":6}}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939083+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2c0a456c7c', '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.919951Z","level":"info","message":"squaring 7"}]}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939083+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2c2b27bcd7', '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":7}}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939143+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2e153908bd', '01a20f01-886e-7688-ab2b-41c05e058d40', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.916946Z","level":"info","message":"squaring 4"}]}');
INSERT INTO ledger.events VALUES
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939143+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2e292d25d1', '01a20f01-886e-7688-ab2b-41c05e058d40', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":4}}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939143+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2e54d7af40', '01a20f01-886e-7688-ab2b-41c05e058d40', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":16}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.938854+00', NULL, 1, 1, '01a20f01-8a6a-7783-887f-a339ad075061', '01a20f01-886e-7688-ab2b-41c0ef6f88ee', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":25}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939002+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2bec6f42c8', '01a20f01-886f-7718-869b-d9ace38fe8d0', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":36}'),
	('814', '2026-11-24 19:21:28.940762+00', '2026-11-24 19:21:28.939083+00', NULL, 1, 1, '01a20f01-8a6b-7365-a619-2d2d2110fd45', '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":49}'),
	('815', '2026-11-24 19:21:28.943218+00', '2026-11-24 19:21:28.940611+00', NULL, 1, 1, '01a20f01-8a6c-72ad-b208-4d966b8b1b5d', '01a20f01-8871-75e5-85e8-5445d787a5f1', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":64}'),
	('815', '2026-11-24 19:21:28.943218+00', '2026-11-24 19:21:28.940641+00', NULL, 1, 1, '01a20f01-8a6c-72ad-b208-4d9688f439b1', '01a20f01-8871-75e5-85e8-5446addc3a82', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":81}'),
	('815', '2026-11-24 19:21:28.943218+00', '2026-11-24 19:21:28.940657+00', NULL, 1, 1, '01a20f01-8a6c-72ad-b208-4d97152ddde7', '01a20f01-8872-75f0-ac59-e6efaa5d133b', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":100}'),
	('815', '2026-11-24 19:21:28.943218+00', '2026-11-24 19:21:28.940671+00', NULL, 1, 1, '01a20f01-8a6c-72ad-b208-4d978d07a388', '01a20f01-8873-7540-9ce4-508f20abff1b', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":121}'),
	('817', '2026-11-24 19:21:28.947342+00', '2026-11-24 19:21:28.946503+00', NULL, 1, 1, '01a20f01-8a72-7248-8b7c-cae783fd9c08', '01a20f01-8871-75e5-85e8-5446addc3a82', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.939400Z","level":"info","message":"squaring 9"}]}'),
	('817', '2026-11-24 19:21:28.947342+00', '2026-11-24 19:21:28.946503+00', NULL, 1, 1, '01a20f01-8a72-7248-8b7c-cae7e74fbc9a', '01a20f01-8871-75e5-85e8-5446addc3a82', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":9}}'),
	('817', '2026-11-24 19:21:28.947342+00', '2026-11-24 19:21:28.946637+00', NULL, 1, 1, '01a20f01-8a72-7248-8b7c-cae995fdb980', '01a20f01-8872-75f0-ac59-e6efaa5d133b', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.939504Z","level":"info","message":"squaring 10"}]}'),
	('817', '2026-11-24 19:21:28.947342+00', '2026-11-24 19:21:28.946637+00', NULL, 1, 1, '01a20f01-8a72-7248-8b7c-cae9e00397fa', '01a20f01-8872-75f0-ac59-e6efaa5d133b', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":10}}'),
	('817', '2026-11-24 19:21:28.947342+00', '2026-11-24 19:21:28.946503+00', NULL, 1, 1, '01a20f01-8a72-7248-8b7c-cae8bd35916c', '01a20f01-8871-75e5-85e8-5446addc3a82', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":81}'),
	('817', '2026-11-24 19:21:28.947342+00', '2026-11-24 19:21:28.946637+00', NULL, 1, 1, '01a20f01-8a72-7248-8b7c-caea7f39c198', '01a20f01-8872-75f0-ac59-e6efaa5d133b', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":100}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.947864+00', NULL, 1, 1, '01a20f01-8a73-705a-8323-964548d4b807', '01a20f01-8871-75e5-85e8-5445d787a5f1', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.939295Z","level":"info","message":"squaring 8"}]}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.947864+00', NULL, 1, 1, '01a20f01-8a73-705a-8323-964646eeb21b', '01a20f01-8871-75e5-85e8-5445d787a5f1', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":8}}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.947956+00', NULL, 1, 1, '01a20f01-8a73-705a-8323-9647645f58ac', '01a20f01-8874-7037-ad35-95f5b4c17935', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":144}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.947975+00', NULL, 1, 1, '01a20f01-8a73-705a-8323-9647775f467d', '01a20f01-8874-7037-ad35-95f5da220af0', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":169}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.948005+00', NULL, 1, 1, '01a20f01-8a74-70ac-9a25-5cc1dbe227ea', '01a20f01-8873-7540-9ce4-508f20abff1b', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.939636Z","level":"info","message":"squaring 11"}]}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.948005+00', NULL, 1, 1, '01a20f01-8a74-70ac-9a25-5cc25459b355', '01a20f01-8873-7540-9ce4-508f20abff1b', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":11}}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.949085+00', NULL, 1, 1, '01a20f01-8a75-73cf-aee4-414e826f33cc', '01a20f01-8875-7725-b811-dbd91e2cb199', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":196}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.949112+00', NULL, 1, 1, '01a20f01-8a75-73cf-aee4-414eaa84c105', '01a20f01-8876-72f6-b0b8-df19a2747650', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":225}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.947864+00', NULL, 1, 1, '01a20f01-8a73-705a-8323-9646bda8ac00', '01a20f01-8871-75e5-85e8-5445d787a5f1', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":64}'),
	('818', '2026-11-24 19:21:28.949915+00', '2026-11-24 19:21:28.948005+00', NULL, 1, 1, '01a20f01-8a74-70ac-9a25-5cc273d139b6', '01a20f01-8873-7540-9ce4-508f20abff1b', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":121}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952408+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-8648c87bf913', '01a20f01-8874-7037-ad35-95f5b4c17935', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.946841Z","level":"info","message":"squaring 12"}]}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952408+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-8649343d805d', '01a20f01-8874-7037-ad35-95f5b4c17935', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":12}}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952506+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864a1f5e09ef', '01a20f01-8874-7037-ad35-95f5da220af0', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.947002Z","level":"info","message":"squaring 13"}]}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952506+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864aac005b06', '01a20f01-8874-7037-ad35-95f5da220af0', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":13}}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952561+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864c7d32e9b6', '01a20f01-8876-72f6-b0b8-df19a2747650', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.948933Z","level":"info","message":"squaring 15"}]}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952561+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864ca8b2f135', '01a20f01-8876-72f6-b0b8-df19a2747650', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":15}}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.95261+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864e0974845a', '01a20f01-8875-7725-b811-dbd91e2cb199', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.948181Z","level":"info","message":"squaring 14"}]}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.95261+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864ea9be885d', '01a20f01-8875-7725-b811-dbd91e2cb199', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":14}}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952408+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864961fabfb8', '01a20f01-8874-7037-ad35-95f5b4c17935', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":144}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952506+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864b8b130978', '01a20f01-8874-7037-ad35-95f5da220af0', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":169}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.95261+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864f36b4c8ac', '01a20f01-8875-7725-b811-dbd91e2cb199', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":196}'),
	('819', '2026-11-24 19:21:28.95282+00', '2026-11-24 19:21:28.952561+00', NULL, 1, 1, '01a20f01-8a78-7086-95e6-864d0d9831cc', '01a20f01-8876-72f6-b0b8-df19a2747650', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":225}'),
	('821', '2026-11-24 19:21:28.956792+00', '2026-11-24 19:21:28.954604+00', NULL, 1, 1, '01a20f01-8a7a-7575-846c-f5a382fd1336', '01a20f01-8877-70aa-ae2a-e00a134aa4ce', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":256}'),
	('821', '2026-11-24 19:21:28.956792+00', '2026-11-24 19:21:28.954636+00', NULL, 1, 1, '01a20f01-8a7a-7575-846c-f5a3c2142b2c', '01a20f01-8878-769b-9f34-4fdc2c7d11d1', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":289}'),
	('821', '2026-11-24 19:21:28.956792+00', '2026-11-24 19:21:28.954706+00', NULL, 1, 1, '01a20f01-8a7a-7575-846c-f5a404fc9ea1', '01a20f01-8879-7517-820c-2302d6c004be', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":324}'),
	('821', '2026-11-24 19:21:28.956792+00', '2026-11-24 19:21:28.955188+00', NULL, 1, 1, '01a20f01-8a7b-707f-813f-23ef7448979d', '01a20f01-8879-7517-820c-2303b2db2b2b', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":361}'),
	('822', '2026-11-24 19:21:28.960519+00', '2026-11-24 19:21:28.960135+00', NULL, 1, 1, '01a20f01-8a80-722e-b9b8-fe21eaa95413', '01a20f01-8878-769b-9f34-4fdc2c7d11d1', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.954287Z","level":"info","message":"squaring 17"}]}'),
	('822', '2026-11-24 19:21:28.960519+00', '2026-11-24 19:21:28.960135+00', NULL, 1, 1, '01a20f01-8a80-722e-b9b8-fe220552795f', '01a20f01-8878-769b-9f34-4fdc2c7d11d1', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":17}}'),
	('822', '2026-11-24 19:21:28.960519+00', '2026-11-24 19:21:28.960135+00', NULL, 1, 1, '01a20f01-8a80-722e-b9b8-fe22ad9ea64f', '01a20f01-8878-769b-9f34-4fdc2c7d11d1', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":289}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.961989+00', NULL, 1, 1, '01a20f01-8a81-7729-9a82-f0cffe5ab342', '01a20f01-8879-7517-820c-2302d6c004be', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.954419Z","level":"info","message":"squaring 18"}]}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.961989+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a360f259881a', '01a20f01-8879-7517-820c-2302d6c004be', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":18}}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.962098+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a36222b38f63', '01a20f01-887a-74a7-8861-81cde0317333', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"once","result":"kept"}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.962136+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a362dde3773f', '01a20f01-8877-70aa-ae2a-e00a134aa4ce', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.952966Z","level":"info","message":"squaring 16"}]}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.962136+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a3635a987fa1', '01a20f01-8877-70aa-ae2a-e00a134aa4ce', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":16}}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.96221+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a3646b574d6a', '01a20f01-8879-7517-820c-2303b2db2b2b', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:28.955028Z","level":"info","message":"squaring 19"}]}');
INSERT INTO ledger.events VALUES
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.96221+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a364fb7f2710', '01a20f01-8879-7517-820c-2303b2db2b2b', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":19}}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.962943+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a366b5995de9', '01a20f01-887c-723a-876c-f33c1a944577', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"Error","message":"as it was asked to","retryable":false},"retry_at":null}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.962943+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a367111716ea', '01a20f01-887c-723a-876c-f33c1a944577', NULL, NULL, NULL, 'job.failed', 'app_alice', 'worker', '{"attempts":1,"error":{"type":"Error","message":"as it was asked to","retryable":false}}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.962136+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a36397049199', '01a20f01-8877-70aa-ae2a-e00a134aa4ce', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":256}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.961989+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a361e9d83a4b', '01a20f01-8879-7517-820c-2302d6c004be', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":324}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.96221+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a365bfb7baad', '01a20f01-8879-7517-820c-2303b2db2b2b', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":361}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.963976+00', NULL, 1, 1, '01a20f01-8a83-7726-b125-fae92e357c2e', '01a20f01-887c-723a-876c-f33d077cd311', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"ValueError","message":"a crash of the handler''s own","traceback":"Traceback (most recent call last):\n  File \"/work/w/upgrades/tests/upgrades/v1/make.py\", line 74, in crash\n    raise ValueError(\"a crash of the handler''s own\")\nValueError: a crash of the handler''s own\n","retryable":true},"retry_at":"2026-11-24T19:21:30.022099Z"}'),
	('824', '2026-11-24 19:21:28.966+00', '2026-11-24 19:21:28.962994+00', NULL, 1, 1, '01a20f01-8a82-752f-851e-a367236792fc', '01a20f01-887d-757b-bf8f-1e2ee710563f', NULL, NULL, NULL, 'job.cancelled', 'app_alice', 'worker', '{"attempt":1}'),
	('826', '2026-11-24 19:21:28.971481+00', '2026-11-24 19:21:28.971188+00', NULL, 1, 1, '01a20f01-8a8b-76ad-8399-51920d6a56b9', '01a20f01-887a-74a7-8861-81cde0317333', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"Error","message":"not yet","retryable":true},"retry_at":"2026-11-24T19:21:28.971003Z"}'),
	('830', '2026-11-24 19:21:28.982082+00', '2026-11-24 19:21:28.981843+00', NULL, 1, 1, '01a20f01-8a95-703e-aae6-89234c4046f5', '01a20f01-887a-74a7-8861-81cde0317333', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":2,"result":"now"}'),
	('839', '2026-11-24 19:21:30.031176+00', '2026-11-24 19:21:30.030886+00', NULL, 1, 1, '01a20f01-8eae-76d1-97e2-b1a3739917b1', '01a20f01-887c-723a-876c-f33d077cd311', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":2,"error":{"type":"ValueError","message":"a crash of the handler''s own","traceback":"Traceback (most recent call last):\n  File \"/work/w/upgrades/tests/upgrades/v1/make.py\", line 74, in crash\n    raise ValueError(\"a crash of the handler''s own\")\nValueError: a crash of the handler''s own\n","retryable":true},"retry_at":null}'),
	('839', '2026-11-24 19:21:30.031176+00', '2026-11-24 19:21:30.030886+00', NULL, 1, 1, '01a20f01-8eae-76d1-97e2-b1a38e536c49', '01a20f01-887c-723a-876c-f33d077cd311', NULL, NULL, NULL, 'job.failed', 'app_alice', 'worker', '{"attempts":2,"error":{"type":"ValueError","message":"a crash of the handler''s own","traceback":"Traceback (most recent call last):\n  File \"/work/w/upgrades/tests/upgrades/v1/make.py\", line 74, in crash\n    raise ValueError(\"a crash of the handler''s own\")\nValueError: a crash of the handler''s own\n","retryable":true}}'),
	('841', '2026-11-24 19:21:30.149565+00', '2026-11-24 19:21:30.130068+00', 1, 1, 1, '01a20f01-8f12-73e5-972c-ceca06273e7a', '01a20f01-8f12-73e5-972c-ceca06273e7a', NULL, NULL, '01a20f01-8f0c-71ea-9ca5-ce65b947f3eb', 'job.requested', 'tenant-7', 'app_alice', '{"name":"square","params":{"n":3}}'),
	('846', '2026-11-24 19:21:30.180536+00', '2026-11-24 19:21:30.179459+00', NULL, 1, 1, '01a20f01-8f43-7057-85aa-1f21b1c7d7a6', '01a20f01-8f12-73e5-972c-ceca06273e7a', NULL, NULL, NULL, 'step.completed', 'tenant-7', 'worker', '{"attempt":1,"step":"multiply","result":9}'),
	('846', '2026-11-24 19:21:30.180536+00', '2026-11-24 19:21:30.179569+00', NULL, 1, 1, '01a20f01-8f43-7057-85aa-1f21bab2f337', '01a20f01-8f12-73e5-972c-ceca06273e7a', NULL, NULL, NULL, 'attempt.logged', 'tenant-7', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:30.175203Z","level":"info","message":"squaring 3"}]}'),
	('846', '2026-11-24 19:21:30.180536+00', '2026-11-24 19:21:30.179569+00', NULL, 1, 1, '01a20f01-8f43-7057-85aa-1f22411cf7c1', '01a20f01-8f12-73e5-972c-ceca06273e7a', NULL, NULL, NULL, 'attempt.progressed', 'tenant-7', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":3}}'),
	('847', '2026-11-24 19:21:30.185628+00', '2026-11-24 19:21:30.184282+00', NULL, 1, 1, '01a20f01-8f48-7327-b0f4-84a998c51363', '01a20f01-8f12-73e5-972c-ceca06273e7a', NULL, NULL, NULL, 'job.completed', 'tenant-7', 'worker', '{"attempt":1,"result":9}'),
	('848', '2026-11-24 19:21:30.191434+00', '2026-11-24 19:21:30.182848+00', 30, 1, 1, '01a20f01-8f46-7385-868e-77ae283ebac0', '01a20f01-8f46-7385-868e-77ae283ebac0', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"fail","params":{"from":"the file"}}'),
	('853', '2026-11-24 19:21:30.209806+00', '2026-11-24 19:21:30.209347+00', NULL, 1, 1, '01a20f01-8f61-73df-9419-71ac8cc34436', '01a20f01-8f46-7385-868e-77ae283ebac0', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"InvalidParams","message":"params.from: Input should be a valid integer, unable to parse string as an integer","retryable":false},"retry_at":null}'),
	('853', '2026-11-24 19:21:30.209806+00', '2026-11-24 19:21:30.209347+00', NULL, 1, 1, '01a20f01-8f61-73df-9419-71aceb965654', '01a20f01-8f46-7385-868e-77ae283ebac0', NULL, NULL, NULL, 'job.failed', 'app_alice', 'worker', '{"attempts":1,"error":{"type":"InvalidParams","message":"params.from: Input should be a valid integer, unable to parse string as an integer","retryable":false}}'),
	('856', '2026-11-24 19:21:30.235217+00', '2026-11-24 19:21:30.235217+00', NULL, 1, 1, '01a20f01-8f80-7a27-a12c-5a90b0fd4ea2', NULL, NULL, NULL, NULL, 'replica.forked', 'app_alice', 'app_alice', '{"replica" : "01a20f01-8861-72bc-ba61-f414af851f9a", "at" : 1, "head" : 30}'),
	('858', '2026-11-24 19:21:30.245866+00', '2026-11-24 19:21:30.218183+00', 1, 1, 1, '01a20f01-8f6a-7254-be4e-7c843979e7e2', '01a20f01-8f6a-7254-be4e-7c843979e7e2', NULL, NULL, '01a20f01-8f84-768d-af0a-e15447f451e3', 'job.requested', 'app_alice', 'app_alice', '{"name":"give-up","params":{"from":"its copy"}}'),
	('862', '2026-11-24 19:21:30.268479+00', '2026-11-24 19:21:30.268212+00', NULL, 1, 1, '01a20f01-8f9c-7020-a4cd-56e6ae65f698', '01a20f01-8f6a-7254-be4e-7c843979e7e2', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"InvalidParams","message":"params.from: Input should be a valid integer, unable to parse string as an integer","retryable":false},"retry_at":null}'),
	('862', '2026-11-24 19:21:30.268479+00', '2026-11-24 19:21:30.268212+00', NULL, 1, 1, '01a20f01-8f9c-7020-a4cd-56e74ffd3d70', '01a20f01-8f6a-7254-be4e-7c843979e7e2', NULL, NULL, NULL, 'job.failed', 'app_alice', 'worker', '{"attempts":1,"error":{"type":"InvalidParams","message":"params.from: Input should be a valid integer, unable to parse string as an integer","retryable":false}}'),
	('866', '2026-11-24 19:21:30.296942+00', '2026-11-24 19:21:30.314992+00', NULL, 1, 1, '01a20f01-8fcb-7bd4-aab6-6c4ecdd7406a', '01a20f01-8fbc-7201-987d-54175ddbe266', NULL, NULL, NULL, 'job.requested', 'app_alice', 'app_alice', '{"name":"retry-later","namespace":"default","priority":0,"key":"one","labels":{"a": 1},"params":{"from": "a session"}}'),
	('869', '2026-11-24 19:21:30.338363+00', '2026-11-24 19:21:30.338363+00', NULL, 1, 1, '01a20f01-8fe3-795d-96aa-d9fe3a2ab659', NULL, NULL, NULL, NULL, 'processor.stopped', 'worker', 'worker', '{"processor" : "01a20f01-7800-721d-88d3-f82b4d1af563"}'),
	('871', '2026-11-24 19:21:30.367366+00', '2026-11-24 19:21:30.360009+00', 31, 1, 1, '01a20f01-8ff8-73f3-bc3c-88e43622f32d', '01a20f01-8ff8-73f3-bc3c-88e43622f32d', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":1000}}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.478992+00', 33, 2, 1, '01a20f01-906f-72e6-ac59-d54c1d7d875a', '01a20f01-906f-72e6-ac59-d54c1d7d875a', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"second-try"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.484418+00', 34, 2, 1, '01a20f01-9074-769b-8c37-f8fba15b3650', '01a20f01-9074-769b-8c37-f8fba15b3650', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"fail"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.486338+00', 35, 2, 1, '01a20f01-9076-7597-8a77-8f16959fc83f', '01a20f01-9076-7597-8a77-8f16959fc83f', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"crash"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.492007+00', 36, 2, 1, '01a20f01-907c-73d8-b044-aa55713fd3f6', '01a20f01-907c-73d8-b044-aa55713fd3f6', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"give-up"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.500074+00', 37, 2, 1, '01a20f01-9084-704d-85ce-78877ae83478', '01a20f01-9084-704d-85ce-78877ae83478', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":0}}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.503967+00', 38, 2, 1, '01a20f01-9087-7365-aee9-2c604130ead7', '01a20f01-9087-7365-aee9-2c604130ead7', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":1}}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.508023+00', 39, 2, 1, '01a20f01-908c-7106-852d-9a73f7d55354', '01a20f01-908c-7106-852d-9a73f7d55354', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":2}}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.511926+00', 40, 2, 1, '01a20f01-908f-776d-9643-308213ec1c0f', '01a20f01-908f-776d-9643-308213ec1c0f', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"retry-later"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.515943+00', 41, 2, 1, '01a20f01-9093-70bb-8870-54ecd0535a6b', '01a20f01-9093-70bb-8870-54ecd0535a6b', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"defer"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.519994+00', 42, 2, 1, '01a20f01-9098-75f5-982f-ae9f5e5b6a7c', '01a20f01-9098-75f5-982f-ae9f5e5b6a7c', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"nobody-serves-this"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.524178+00', 43, 2, 1, '01a20f01-909c-74c6-a41d-733f5da9fc28', '01a20f01-909c-74c6-a41d-733f5da9fc28', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":5},"priority":5,"run_at":"2036-11-21T19:21:30.523961Z"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.532095+00', 44, 2, 1, '01a20f01-90a4-777a-87cc-ecdbbd6773db', '01a20f01-90a4-777a-87cc-ecdbbd6773db', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"stay"}'),
	('877', '2026-11-24 19:21:30.55538+00', '2026-11-24 19:21:30.540159+00', 45, 2, 1, '01a20f01-90ac-7180-9d04-1b26ae1ad963', '01a20f01-90ac-7180-9d04-1b26ae1ad963', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"stay"}'),
	('880', '2026-11-24 19:21:31.183667+00', '2026-11-24 19:21:31.183667+00', NULL, 2, 1, '01a20f01-9339-7798-9cc8-de8c71ef6ddd', NULL, NULL, NULL, NULL, 'processor.started', 'worker', 'worker', '{"processor" : "01a20f01-932d-768d-b9e6-f555a72e212f", "host" : "vm", "pid" : 1148, "namespaces" : ["default"], "names" : ["crash","defer","fail","give-up","retry-later","second-try","square","stay"]}'),
	('884', '2026-11-24 19:21:31.209386+00', '2026-11-24 19:21:31.209386+00', NULL, 2, 1, '01a20f01-934d-729b-8309-de400d5c8e90', '01a20f01-90a4-777a-87cc-ecdbbd6773db', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('884', '2026-11-24 19:21:31.209386+00', '2026-11-24 19:21:31.209386+00', NULL, 2, 1, '01a20f01-934d-729b-8309-de400d5c8e91', '01a20f01-90ac-7180-9d04-1b26ae1ad963', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('887', '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.231699+00', NULL, 2, 1, '01a20f01-9361-7e04-86cc-d217021894cb', '01a20f01-8fbc-7201-987d-54175ddbe266', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('887', '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.231699+00', NULL, 2, 1, '01a20f01-9361-7e04-86cc-d217021894cc', '01a20f01-8ff8-73f3-bc3c-88e43622f32d', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('887', '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.231699+00', NULL, 2, 1, '01a20f01-9361-7e04-86cc-d217021894cd', '01a20f01-906f-72e6-ac59-d54c1d7d875a', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('887', '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.231699+00', NULL, 2, 1, '01a20f01-9361-7e04-86cc-d217021894ce', '01a20f01-9074-769b-8c37-f8fba15b3650', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('886', '2026-11-24 19:21:31.219259+00', '2026-11-24 19:21:31.218982+00', NULL, 2, 1, '01a20f01-9353-7013-9cd9-929eef5ae347', '01a20f01-90a4-777a-87cc-ecdbbd6773db', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":10.0,"message":"staying"}'),
	('886', '2026-11-24 19:21:31.219259+00', '2026-11-24 19:21:31.219041+00', NULL, 2, 1, '01a20f01-9353-7013-9cd9-929f0b579f2d', '01a20f01-90ac-7180-9d04-1b26ae1ad963', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":10.0,"message":"staying"}'),
	('888', '2026-11-24 19:21:31.260997+00', '2026-11-24 19:21:31.260997+00', NULL, 2, 1, '01a20f01-937e-7cfa-836c-c1355062aa1d', '01a20f01-9076-7597-8a77-8f16959fc83f', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}');
INSERT INTO ledger.events VALUES
	('889', '2026-11-24 19:21:31.263185+00', '2026-11-24 19:21:31.239317+00', NULL, 2, 1, '01a20f01-9367-76b0-8762-8c715f215f8d', '01a20f01-8fbc-7201-987d-54175ddbe266', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"InvalidParams","message":"params.from: Input should be a valid integer, unable to parse string as an integer","retryable":false},"retry_at":null}'),
	('889', '2026-11-24 19:21:31.263185+00', '2026-11-24 19:21:31.239317+00', NULL, 2, 1, '01a20f01-9367-76b0-8762-8c7220ba378f', '01a20f01-8fbc-7201-987d-54175ddbe266', NULL, NULL, NULL, 'job.failed', 'app_alice', 'worker', '{"attempts":1,"error":{"type":"InvalidParams","message":"params.from: Input should be a valid integer, unable to parse string as an integer","retryable":false}}'),
	('889', '2026-11-24 19:21:31.263185+00', '2026-11-24 19:21:31.262487+00', NULL, 2, 1, '01a20f01-937e-70c9-8f55-0291e7f6eae5', '01a20f01-8ff8-73f3-bc3c-88e43622f32d', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":1000000}'),
	('889', '2026-11-24 19:21:31.263185+00', '2026-11-24 19:21:31.262539+00', NULL, 2, 1, '01a20f01-937e-70c9-8f55-0292ba082ffa', '01a20f01-906f-72e6-ac59-d54c1d7d875a', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"once","result":"kept"}'),
	('889', '2026-11-24 19:21:31.263185+00', '2026-11-24 19:21:31.262702+00', NULL, 2, 1, '01a20f01-937e-70c9-8f55-02934f667b07', '01a20f01-9074-769b-8c37-f8fba15b3650', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"Error","message":"as it was asked to","retryable":false},"retry_at":null}'),
	('889', '2026-11-24 19:21:31.263185+00', '2026-11-24 19:21:31.262702+00', NULL, 2, 1, '01a20f01-937e-70c9-8f55-0293fe335a4b', '01a20f01-9074-769b-8c37-f8fba15b3650', NULL, NULL, NULL, 'job.failed', 'app_alice', 'worker', '{"attempts":1,"error":{"type":"Error","message":"as it was asked to","retryable":false}}'),
	('891', '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.267342+00', NULL, 2, 1, '01a20f01-9384-7cba-aada-e3664162e958', '01a20f01-907c-73d8-b044-aa55713fd3f6', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('891', '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.267342+00', NULL, 2, 1, '01a20f01-9384-7cba-aada-e3664162e959', '01a20f01-9084-704d-85ce-78877ae83478', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('891', '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.267342+00', NULL, 2, 1, '01a20f01-9384-7cba-aada-e3664162e95a', '01a20f01-9087-7365-aee9-2c604130ead7', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('891', '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.267342+00', NULL, 2, 1, '01a20f01-9384-7cba-aada-e3664162e95b', '01a20f01-908c-7106-852d-9a73f7d55354', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('891', '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.267342+00', NULL, 2, 1, '01a20f01-9384-7cba-aada-e3664162e95c', '01a20f01-908f-776d-9643-308213ec1c0f', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('891', '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.267342+00', NULL, 2, 1, '01a20f01-9384-7cba-aada-e3664162e95d', '01a20f01-9093-70bb-8870-54ecd0535a6b', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":1,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('892', '2026-11-24 19:21:31.270996+00', '2026-11-24 19:21:31.268816+00', NULL, 2, 1, '01a20f01-9384-7600-9694-036d3513cded', '01a20f01-9076-7597-8a77-8f16959fc83f', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"ValueError","message":"a crash of the handler''s own","traceback":"Traceback (most recent call last):\n  File \"/work/w/upgrades/tests/upgrades/v1/make.py\", line 74, in crash\n    raise ValueError(\"a crash of the handler''s own\")\nValueError: a crash of the handler''s own\n","retryable":true},"retry_at":"2026-11-24T19:21:32.326031Z"}'),
	('896', '2026-11-24 19:21:31.290295+00', '2026-11-24 19:21:31.290295+00', NULL, 2, 1, '01a20f01-939b-70ee-ba45-8fe3cd893b72', '01a20f01-906f-72e6-ac59-d54c1d7d875a', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":2,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('893', '2026-11-24 19:21:31.28151+00', '2026-11-24 19:21:31.280287+00', NULL, 2, 1, '01a20f01-9390-76de-9416-39cd9137fcc9', '01a20f01-8ff8-73f3-bc3c-88e43622f32d', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:31.256153Z","level":"info","message":"squaring 1000"}]}'),
	('893', '2026-11-24 19:21:31.28151+00', '2026-11-24 19:21:31.280287+00', NULL, 2, 1, '01a20f01-9390-76de-9416-39ce243df4cd', '01a20f01-8ff8-73f3-bc3c-88e43622f32d', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":1000}}'),
	('893', '2026-11-24 19:21:31.28151+00', '2026-11-24 19:21:31.280526+00', NULL, 2, 1, '01a20f01-9390-76de-9416-39cfb386c892', '01a20f01-9084-704d-85ce-78877ae83478', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":0}'),
	('893', '2026-11-24 19:21:31.28151+00', '2026-11-24 19:21:31.280544+00', NULL, 2, 1, '01a20f01-9390-76de-9416-39d08c3d0236', '01a20f01-9087-7365-aee9-2c604130ead7', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":1}'),
	('893', '2026-11-24 19:21:31.28151+00', '2026-11-24 19:21:31.280287+00', NULL, 2, 1, '01a20f01-9390-76de-9416-39ce2b714b2f', '01a20f01-8ff8-73f3-bc3c-88e43622f32d', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":1000000}'),
	('893', '2026-11-24 19:21:31.28151+00', '2026-11-24 19:21:31.273046+00', NULL, 2, 1, '01a20f01-9389-7371-9bfa-4563cf1257cf', '01a20f01-906f-72e6-ac59-d54c1d7d875a', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"Error","message":"not yet","retryable":true},"retry_at":"2026-11-24T19:21:31.273035Z"}'),
	('893', '2026-11-24 19:21:31.28151+00', '2026-11-24 19:21:31.280459+00', NULL, 2, 1, '01a20f01-9390-76de-9416-39cedce338c4', '01a20f01-907c-73d8-b044-aa55713fd3f6', NULL, NULL, NULL, 'job.cancelled', 'app_alice', 'worker', '{"attempt":1}'),
	('895', '2026-11-24 19:21:31.288098+00', '2026-11-24 19:21:31.281294+00', NULL, 2, 1, '01a20f01-9391-76a7-b911-9fed334bc3d9', '01a20f01-908c-7106-852d-9a73f7d55354', NULL, NULL, NULL, 'step.completed', 'app_alice', 'worker', '{"attempt":1,"step":"multiply","result":4}'),
	('895', '2026-11-24 19:21:31.288098+00', '2026-11-24 19:21:31.281434+00', NULL, 2, 1, '01a20f01-9391-76a7-b911-9fed9ba0ec86', '01a20f01-908f-776d-9643-308213ec1c0f', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":1,"error":{"type":"Error","message":"next decade","retryable":true},"retry_at":"2036-11-21T19:21:31.281475Z"}'),
	('895', '2026-11-24 19:21:31.288098+00', '2026-11-24 19:21:31.28407+00', NULL, 2, 1, '01a20f01-9394-77dc-bd27-dd417c25d5f6', '01a20f01-9093-70bb-8870-54ecd0535a6b', NULL, NULL, NULL, 'attempt.deferred', 'app_alice', 'worker', '{"attempt":1,"until":"2036-11-21T19:21:31.284148Z"}'),
	('897', '2026-11-24 19:21:31.292675+00', '2026-11-24 19:21:31.289565+00', NULL, 2, 1, '01a20f01-9399-7648-8147-d321440ebebb', '01a20f01-9084-704d-85ce-78877ae83478', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:31.273941Z","level":"info","message":"squaring 0"}]}'),
	('897', '2026-11-24 19:21:31.292675+00', '2026-11-24 19:21:31.289565+00', NULL, 2, 1, '01a20f01-9399-7648-8147-d321ba2f3ef2', '01a20f01-9084-704d-85ce-78877ae83478', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":0}}'),
	('897', '2026-11-24 19:21:31.292675+00', '2026-11-24 19:21:31.289633+00', NULL, 2, 1, '01a20f01-9399-7648-8147-d3228b3aa2eb', '01a20f01-9087-7365-aee9-2c604130ead7', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:31.274047Z","level":"info","message":"squaring 1"}]}'),
	('897', '2026-11-24 19:21:31.292675+00', '2026-11-24 19:21:31.289633+00', NULL, 2, 1, '01a20f01-9399-7648-8147-d32357134be9', '01a20f01-9087-7365-aee9-2c604130ead7', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":1}}'),
	('897', '2026-11-24 19:21:31.292675+00', '2026-11-24 19:21:31.289565+00', NULL, 2, 1, '01a20f01-9399-7648-8147-d3227b4c7fef', '01a20f01-9084-704d-85ce-78877ae83478', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":0}'),
	('897', '2026-11-24 19:21:31.292675+00', '2026-11-24 19:21:31.289633+00', NULL, 2, 1, '01a20f01-9399-7648-8147-d323f37fdfc0', '01a20f01-9087-7365-aee9-2c604130ead7', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":1}'),
	('898', '2026-11-24 19:21:31.296355+00', '2026-11-24 19:21:31.29249+00', NULL, 2, 1, '01a20f01-939c-754e-9f25-317d3555e190', '01a20f01-908c-7106-852d-9a73f7d55354', NULL, NULL, NULL, 'attempt.logged', 'app_alice', 'worker', '{"attempt":1,"first":1,"lines":[{"at":"2026-11-24T19:21:31.280712Z","level":"info","message":"squaring 2"}]}'),
	('898', '2026-11-24 19:21:31.296355+00', '2026-11-24 19:21:31.29249+00', NULL, 2, 1, '01a20f01-939c-754e-9f25-317d84955801', '01a20f01-908c-7106-852d-9a73f7d55354', NULL, NULL, NULL, 'attempt.progressed', 'app_alice', 'worker', '{"attempt":1,"n":1,"percent":50.0,"message":"half-way","data":{"n":2}}'),
	('898', '2026-11-24 19:21:31.296355+00', '2026-11-24 19:21:31.296028+00', NULL, 2, 1, '01a20f01-93a0-700c-abb0-d404c9ef404b', '01a20f01-906f-72e6-ac59-d54c1d7d875a', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":2,"result":"now"}'),
	('898', '2026-11-24 19:21:31.296355+00', '2026-11-24 19:21:31.29249+00', NULL, 2, 1, '01a20f01-939c-754e-9f25-317dc50a0306', '01a20f01-908c-7106-852d-9a73f7d55354', NULL, NULL, NULL, 'job.completed', 'app_alice', 'worker', '{"attempt":1,"result":4}'),
	('908', '2026-11-24 19:21:32.336956+00', '2026-11-24 19:21:32.336492+00', NULL, 2, 1, '01a20f01-97b0-7559-8915-954a0332a2f8', '01a20f01-9076-7597-8a77-8f16959fc83f', NULL, NULL, NULL, 'attempt.failed', 'app_alice', 'worker', '{"attempt":2,"error":{"type":"ValueError","message":"a crash of the handler''s own","traceback":"Traceback (most recent call last):\n  File \"/work/w/upgrades/tests/upgrades/v1/make.py\", line 74, in crash\n    raise ValueError(\"a crash of the handler''s own\")\nValueError: a crash of the handler''s own\n","retryable":true},"retry_at":null}'),
	('908', '2026-11-24 19:21:32.336956+00', '2026-11-24 19:21:32.336492+00', NULL, 2, 1, '01a20f01-97b0-7559-8915-954a422b6296', '01a20f01-9076-7597-8a77-8f16959fc83f', NULL, NULL, NULL, 'job.failed', 'app_alice', 'worker', '{"attempts":2,"error":{"type":"ValueError","message":"a crash of the handler''s own","traceback":"Traceback (most recent call last):\n  File \"/work/w/upgrades/tests/upgrades/v1/make.py\", line 74, in crash\n    raise ValueError(\"a crash of the handler''s own\")\nValueError: a crash of the handler''s own\n","retryable":true}}'),
	('906', '2026-11-24 19:21:32.331075+00', '2026-11-24 19:21:32.331075+00', NULL, 2, 1, '01a20f01-97ab-78e3-b196-7bcfec6b2e1b', '01a20f01-9076-7597-8a77-8f16959fc83f', NULL, NULL, NULL, 'attempt.started', 'app_alice', 'worker', '{"attempt":2,"processor":"01a20f01-932d-768d-b9e6-f555a72e212f"}'),
	('910', '2026-11-24 19:21:32.470954+00', '2026-11-24 19:21:32.460482+00', 46, 2, 1, '01a20f01-982c-721d-9a13-b4b522641b46', '01a20f01-90ac-7180-9d04-1b26ae1ad963', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.cancel_requested', 'app_alice', 'app_alice', '{}'),
	('910', '2026-11-24 19:21:32.470954+00', '2026-11-24 19:21:32.463011+00', 47, 2, 1, '01a20f01-982f-76cc-90e5-b2edac1afded', '01a20f01-982f-76cc-90e5-b2edac1afded', NULL, NULL, '01a20f01-8861-72bc-ba61-f414af851f9a', 'job.requested', 'app_alice', 'app_alice', '{"name":"square","params":{"n":6}}');


--
-- Data for Name: jobs; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.jobs VALUES
	('01a20f01-753a-7560-8862-04cd7a424722', 3, '2026-11-24 19:21:23.63557+00', NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, 0, 'pending', 'app_bob', 'default', 'nobody-serves-this', NULL),
	('01a20f01-8868-7506-bbe8-d207549f7673', 17, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.917217+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=0'),
	('01a20f01-886c-7607-af38-6d0ef2f0fa15', 19, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.917217+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=2'),
	('01a20f01-886d-728f-a7b9-b0a793297ba7', 20, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.917217+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=3'),
	('01a20f01-7535-736f-8391-548c52b8d41b', 2, '2026-11-24 19:21:23.63557+00', NULL, NULL, NULL, '2026-11-24 19:21:23.690498+00', '2026-11-24 19:21:28.339985+00', NULL, 2, 0, 1, NULL, NULL, 0, 'completed', 'app_bob', 'default', 'square', NULL),
	('01a20f01-886b-764b-b5af-074c9c781226', 18, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.927192+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=1'),
	('01a20f01-886e-7688-ab2b-41c05e058d40', 21, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.940762+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=4'),
	('01a20f01-886e-7688-ab2b-41c0ef6f88ee', 22, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.940762+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=5'),
	('01a20f01-886f-7718-869b-d9ace38fe8d0', 23, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.940762+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=6'),
	('01a20f01-8871-75e5-85e8-5446addc3a82', 26, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.947342+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=9'),
	('01a20f01-8872-75f0-ac59-e6efaa5d133b', 27, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.947342+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=10'),
	('01a20f01-8871-75e5-85e8-5445d787a5f1', 25, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.949915+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=8'),
	('01a20f01-8873-7540-9ce4-508f20abff1b', 28, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.949915+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=11'),
	('01a20f01-8874-7037-ad35-95f5b4c17935', 29, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.95282+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=12'),
	('01a20f01-8874-7037-ad35-95f5da220af0', 30, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.95282+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=13'),
	('01a20f01-8875-7725-b811-dbd91e2cb199', 31, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.95282+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=14'),
	('01a20f01-8876-72f6-b0b8-df19a2747650', 32, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.95282+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=15'),
	('01a20f01-8878-769b-9f34-4fdc2c7d11d1', 34, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.960519+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=17'),
	('01a20f01-8877-70aa-ae2a-e00a134aa4ce', 33, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.966+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=16'),
	('01a20f01-8879-7517-820c-2302d6c004be', 35, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.966+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=18'),
	('01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', 24, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.902871+00', '2026-11-24 19:21:28.940762+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=7'),
	('01a20f01-887d-757b-bf8f-1e2ef9ae3bb1', 41, '2026-11-24 19:21:28.874248+00', NULL, NULL, '2026-11-24 19:21:28.874248+00', NULL, '2026-11-24 19:21:28.890403+00', NULL, 0, 0, 0, NULL, NULL, 0, 'cancelled', 'app_alice', 'default', 'square', NULL),
	('01a20f01-8879-7517-820c-2303b2db2b2b', 36, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.966+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', 'n=19'),
	('01a20f01-887c-723a-876c-f33c1a944577', 38, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.966+00', NULL, 1, 1, 0, NULL, NULL, 0, 'failed', 'app_alice', 'default', 'fail', NULL),
	('01a20f01-887d-757b-bf8f-1e2ee710563f', 40, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.966+00', NULL, 1, 0, 0, NULL, NULL, 0, 'cancelled', 'app_alice', 'default', 'give-up', NULL),
	('01a20f01-887a-74a7-8861-81cde0317333', 37, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:28.982082+00', NULL, 2, 1, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'second-try', NULL),
	('01a20f01-887c-723a-876c-f33d077cd311', 39, '2026-11-24 19:21:28.874248+00', NULL, NULL, NULL, '2026-11-24 19:21:28.924753+00', '2026-11-24 19:21:30.031176+00', NULL, 2, 2, 0, NULL, NULL, 0, 'failed', 'app_alice', 'default', 'crash', NULL),
	('01a20f01-8f12-73e5-972c-ceca06273e7a', 160, '2026-11-24 19:21:30.149565+00', NULL, NULL, NULL, '2026-11-24 19:21:30.16783+00', '2026-11-24 19:21:30.185628+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'tenant-7', 'default', 'square', NULL),
	('01a20f01-9084-704d-85ce-78877ae83478', 182, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.292675+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', NULL),
	('01a20f01-8f46-7385-868e-77ae283ebac0', 166, '2026-11-24 19:21:30.191434+00', NULL, NULL, NULL, '2026-11-24 19:21:30.207524+00', '2026-11-24 19:21:30.209806+00', NULL, 1, 1, 0, NULL, NULL, 0, 'failed', 'app_alice', 'default', 'fail', NULL),
	('01a20f01-8fbc-7201-987d-54175ddbe266', 175, '2026-11-24 19:21:30.296942+00', NULL, NULL, NULL, '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.263185+00', NULL, 1, 1, 0, NULL, NULL, 0, 'failed', 'app_alice', 'default', 'retry-later', 'one'),
	('01a20f01-8f6a-7254-be4e-7c843979e7e2', 171, '2026-11-24 19:21:30.245866+00', NULL, NULL, NULL, '2026-11-24 19:21:30.264467+00', '2026-11-24 19:21:30.268479+00', NULL, 1, 1, 0, NULL, NULL, 0, 'failed', 'app_alice', 'default', 'give-up', NULL),
	('01a20f01-9098-75f5-982f-ae9f5e5b6a7c', 187, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, 0, 'pending', 'app_alice', 'default', 'nobody-serves-this', NULL),
	('01a20f01-909c-74c6-a41d-733f5da9fc28', 188, '2026-11-24 19:21:30.55538+00', '2036-11-21 19:21:30.523961+00', NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, 5, 'pending', 'app_alice', 'default', 'square', NULL),
	('01a20f01-90a4-777a-87cc-ecdbbd6773db', 189, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.209386+00', NULL, '01a20f01-932d-768d-b9e6-f555a72e212f', 1, 0, 0, NULL, NULL, 0, 'running', 'app_alice', 'default', 'stay', NULL),
	('01a20f01-90ac-7180-9d04-1b26ae1ad963', 190, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.209386+00', NULL, '01a20f01-932d-768d-b9e6-f555a72e212f', 1, 0, 0, NULL, NULL, 0, 'running', 'app_alice', 'default', 'stay', NULL),
	('01a20f01-9087-7365-aee9-2c604130ead7', 183, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.292675+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', NULL),
	('01a20f01-906f-72e6-ac59-d54c1d7d875a', 178, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.296355+00', NULL, 2, 1, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'second-try', NULL),
	('01a20f01-8ff8-73f3-bc3c-88e43622f32d', 177, '2026-11-24 19:21:30.367366+00', NULL, NULL, NULL, '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.28151+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', NULL),
	('01a20f01-9074-769b-8c37-f8fba15b3650', 179, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.231699+00', '2026-11-24 19:21:31.263185+00', NULL, 1, 1, 0, NULL, NULL, 0, 'failed', 'app_alice', 'default', 'fail', NULL),
	('01a20f01-908c-7106-852d-9a73f7d55354', 184, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.296355+00', NULL, 1, 0, 0, NULL, NULL, 0, 'completed', 'app_alice', 'default', 'square', NULL),
	('01a20f01-9076-7597-8a77-8f16959fc83f', 180, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.260997+00', '2026-11-24 19:21:32.336956+00', NULL, 2, 2, 0, NULL, NULL, 0, 'failed', 'app_alice', 'default', 'crash', NULL),
	('01a20f01-907c-73d8-b044-aa55713fd3f6', 181, '2026-11-24 19:21:30.55538+00', NULL, NULL, NULL, '2026-11-24 19:21:31.267342+00', '2026-11-24 19:21:31.28151+00', NULL, 1, 0, 0, NULL, NULL, 0, 'cancelled', 'app_alice', 'default', 'give-up', NULL),
	('01a20f01-908f-776d-9643-308213ec1c0f', 185, '2026-11-24 19:21:30.55538+00', '2036-11-21 19:21:31.281475+00', NULL, NULL, '2026-11-24 19:21:31.267342+00', NULL, NULL, 1, 1, 0, NULL, NULL, 0, 'pending', 'app_alice', 'default', 'retry-later', NULL),
	('01a20f01-9093-70bb-8870-54ecd0535a6b', 186, '2026-11-24 19:21:30.55538+00', '2036-11-21 19:21:31.284148+00', NULL, NULL, '2026-11-24 19:21:31.267342+00', NULL, NULL, 1, 0, 0, NULL, NULL, 0, 'pending', 'app_alice', 'default', 'defer', NULL);


--
-- Data for Name: keys; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.keys VALUES
	('app_alice', 'default', 'retry-later', 'one', '01a20f01-8fbc-7201-987d-54175ddbe266');


--
-- Data for Name: leader; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.leader VALUES
	(true, '01a20f01-9328-75a9-96f4-9ed2d290743c', 9, 1204, 1148, 'vm', '2026-11-24 19:21:31.176294+00', '2026-11-24 19:21:32.187891+00');


--
-- Data for Name: leftovers; Type: TABLE DATA; Schema: ledger; Owner: -
--



--
-- Data for Name: limits; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.limits VALUES
	(true, 262144, 262144, 64, 5000, 16777216);


--
-- Data for Name: lives; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.lives VALUES
	(1, 'd80b51e9-e024-4b0e-925e-2856ad2cdc1c', 7711820290636018433, 1, 5, '2026-11-24 19:21:23.237798+00', 'installed'),
	(2, '7590e44a-267b-42af-b0d6-9e985916857e', 7711820290636018433, 1, 5, '2026-11-24 19:21:30.384183+00', 'as a restore would have it');


--
-- Data for Name: log; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.log VALUES
	(1, '01a20f01-74ce-75d5-a25a-4418e3e7f4ab', 'app_alice'),
	(2, '01a20f01-7535-736f-8391-548c52b8d41b', 'app_bob'),
	(3, '01a20f01-753a-7560-8862-04cd7a424722', 'app_bob'),
	(4, '01a20f01-75e8-7c58-9e1d-43700fe36063', 'worker'),
	(5, '01a20f01-75ec-7148-b75b-e437ff885cfd', 'app_bob'),
	(6, '01a20f01-7807-70b1-9e09-bd946e04a94c', 'worker'),
	(7, '01a20f01-87d4-722a-a1fd-b427a0845720', 'app_bob'),
	(8, '01a20f01-87d4-72d0-9536-bdf3e906943e', 'worker'),
	(9, '01a20f01-87eb-7dab-b6c5-e78e957c328f', 'app_bob'),
	(10, '01a20f01-87fb-710c-bd57-8cbd2027c7b9', 'app_bob'),
	(11, '01a20f01-87fc-7048-ae53-3a0d517a9964', 'app_bob'),
	(12, '01a20f01-87fc-7048-ae53-3a0e02a982e0', 'app_bob'),
	(13, '01a20f01-8813-76f2-9162-6579b866db9a', 'app_bob'),
	(14, '01a20f01-8844-725c-8e62-2d67db20503c', 'worker'),
	(15, 'a3298dbc-fd2a-44d2-9948-af5c8f7f2fbb', 'app_bob'),
	(16, '01a20f01-8853-78d7-a237-78cf8c6b3ac5', 'worker'),
	(17, '01a20f01-8868-7506-bbe8-d207549f7673', 'app_alice'),
	(18, '01a20f01-886b-764b-b5af-074c9c781226', 'app_alice'),
	(19, '01a20f01-886c-7607-af38-6d0ef2f0fa15', 'app_alice'),
	(20, '01a20f01-886d-728f-a7b9-b0a793297ba7', 'app_alice'),
	(21, '01a20f01-886e-7688-ab2b-41c05e058d40', 'app_alice'),
	(22, '01a20f01-886e-7688-ab2b-41c0ef6f88ee', 'app_alice'),
	(23, '01a20f01-886f-7718-869b-d9ace38fe8d0', 'app_alice'),
	(24, '01a20f01-8870-74fe-aa7e-b18b1e0fa8d7', 'app_alice'),
	(25, '01a20f01-8871-75e5-85e8-5445d787a5f1', 'app_alice'),
	(26, '01a20f01-8871-75e5-85e8-5446addc3a82', 'app_alice'),
	(27, '01a20f01-8872-75f0-ac59-e6efaa5d133b', 'app_alice'),
	(28, '01a20f01-8873-7540-9ce4-508f20abff1b', 'app_alice'),
	(29, '01a20f01-8874-7037-ad35-95f5b4c17935', 'app_alice'),
	(30, '01a20f01-8874-7037-ad35-95f5da220af0', 'app_alice'),
	(31, '01a20f01-8875-7725-b811-dbd91e2cb199', 'app_alice'),
	(32, '01a20f01-8876-72f6-b0b8-df19a2747650', 'app_alice'),
	(33, '01a20f01-8877-70aa-ae2a-e00a134aa4ce', 'app_alice'),
	(34, '01a20f01-8878-769b-9f34-4fdc2c7d11d1', 'app_alice'),
	(35, '01a20f01-8879-7517-820c-2302d6c004be', 'app_alice'),
	(36, '01a20f01-8879-7517-820c-2303b2db2b2b', 'app_alice'),
	(37, '01a20f01-887a-74a7-8861-81cde0317333', 'app_alice'),
	(38, '01a20f01-887c-723a-876c-f33c1a944577', 'app_alice'),
	(39, '01a20f01-887c-723a-876c-f33d077cd311', 'app_alice'),
	(40, '01a20f01-887d-757b-bf8f-1e2ee710563f', 'app_alice'),
	(41, '01a20f01-887d-757b-bf8f-1e2ef9ae3bb1', 'app_alice'),
	(42, '01a20f01-887f-71e5-92ad-79d4db9df9fd', 'app_alice'),
	(43, '01a20f01-8884-72f5-9563-4069c9c8fc70', 'app_alice'),
	(44, '01a20f01-8a3f-7865-ae85-cc18f838117d', 'app_alice'),
	(45, '01a20f01-8a47-721c-8975-98da91af827d', 'app_alice'),
	(46, '01a20f01-8a47-721c-8975-98da91af827e', 'app_alice'),
	(47, '01a20f01-8a47-721c-8975-98da91af827f', 'app_alice'),
	(48, '01a20f01-8a47-721c-8975-98da91af8280', 'app_alice'),
	(49, '01a20f01-8a47-721c-8975-98da91af8281', 'app_alice'),
	(50, '01a20f01-8a47-721c-8975-98da91af8282', 'app_alice');
INSERT INTO ledger.log VALUES
	(51, '01a20f01-8a47-721c-8975-98da91af8283', 'app_alice'),
	(52, '01a20f01-8a47-721c-8975-98da91af8284', 'app_alice'),
	(53, '01a20f01-8a47-721c-8975-98da91af8285', 'app_alice'),
	(54, '01a20f01-8a47-721c-8975-98da91af8286', 'app_alice'),
	(55, '01a20f01-8a47-721c-8975-98da91af8287', 'app_alice'),
	(56, '01a20f01-8a47-721c-8975-98da91af8288', 'app_alice'),
	(57, '01a20f01-8a47-721c-8975-98da91af8289', 'app_alice'),
	(58, '01a20f01-8a47-721c-8975-98da91af828a', 'app_alice'),
	(59, '01a20f01-8a47-721c-8975-98da91af828b', 'app_alice'),
	(60, '01a20f01-8a47-721c-8975-98da91af828c', 'app_alice'),
	(61, '01a20f01-8a47-721c-8975-98da91af828d', 'app_alice'),
	(62, '01a20f01-8a47-721c-8975-98da91af828e', 'app_alice'),
	(63, '01a20f01-8a50-718d-a487-915110610621', 'app_alice'),
	(64, '01a20f01-8a50-718d-a487-9151e2042485', 'app_alice'),
	(65, '01a20f01-8a50-718d-a487-91527e2881cb', 'app_alice'),
	(66, '01a20f01-8a50-718d-a487-9152d356c9a6', 'app_alice'),
	(67, '01a20f01-8a51-76f4-ae2d-d8a8bcf5e3c8', 'app_alice'),
	(68, '01a20f01-8a51-76f4-ae2d-d8a950db9218', 'app_alice'),
	(69, '01a20f01-8a51-76f4-ae2d-d8aa0e993258', 'app_alice'),
	(70, '01a20f01-8a51-76f4-ae2d-d8aab6b00132', 'app_alice'),
	(71, '01a20f01-8a51-76f4-ae2d-d8ab9f9fde77', 'app_alice'),
	(72, '01a20f01-8a51-76f4-ae2d-d8ac376f42df', 'app_alice'),
	(73, '01a20f01-8a51-76f4-ae2d-d8ac6834fd9b', 'app_alice'),
	(74, '01a20f01-8a51-76f4-ae2d-d8ad4f6f7554', 'app_alice'),
	(75, '01a20f01-8a54-7132-baab-39fc28efbe20', 'app_alice'),
	(76, '01a20f01-8a54-7132-baab-39fc774e068b', 'app_alice'),
	(77, '01a20f01-8a54-7132-baab-39fc88ded8e6', 'app_alice'),
	(78, '01a20f01-8a5d-7cbf-ac96-ef961e1c1745', 'app_alice'),
	(79, '01a20f01-8a5d-7cbf-ac96-ef961e1c1746', 'app_alice'),
	(80, '01a20f01-8a5d-7cbf-ac96-ef961e1c1747', 'app_alice'),
	(81, '01a20f01-8a5d-7cbf-ac96-ef961e1c1748', 'app_alice'),
	(82, '01a20f01-8a5d-7cbf-ac96-ef961e1c1749', 'app_alice'),
	(83, '01a20f01-8a5d-7cbf-ac96-ef961e1c174a', 'app_alice'),
	(84, '01a20f01-8a55-70d8-a031-0ed898e59c84', 'app_alice'),
	(85, '01a20f01-8a55-70d8-a031-0ed8daac5835', 'app_alice'),
	(86, '01a20f01-8a55-70d8-a031-0ed94113abe1', 'app_alice'),
	(87, '01a20f01-8a55-70d8-a031-0ed9a094ea76', 'app_alice'),
	(88, '01a20f01-8a58-72ec-8200-0a288b6add0f', 'app_alice'),
	(89, '01a20f01-8a6a-7783-887f-a338e8af5257', 'app_alice'),
	(90, '01a20f01-8a6a-7783-887f-a3395e27d28a', 'app_alice'),
	(91, '01a20f01-8a6a-7783-887f-a339ad075061', 'app_alice'),
	(92, '01a20f01-8a6b-7365-a619-2d2b7e2e0d81', 'app_alice'),
	(93, '01a20f01-8a6b-7365-a619-2d2ba0b71634', 'app_alice'),
	(94, '01a20f01-8a6b-7365-a619-2d2bec6f42c8', 'app_alice'),
	(95, '01a20f01-8a6b-7365-a619-2d2c0a456c7c', 'app_alice'),
	(96, '01a20f01-8a6b-7365-a619-2d2c2b27bcd7', 'app_alice'),
	(97, '01a20f01-8a6b-7365-a619-2d2d2110fd45', 'app_alice'),
	(98, '01a20f01-8a6b-7365-a619-2d2e153908bd', 'app_alice'),
	(99, '01a20f01-8a6b-7365-a619-2d2e292d25d1', 'app_alice'),
	(100, '01a20f01-8a6b-7365-a619-2d2e54d7af40', 'app_alice');
INSERT INTO ledger.log VALUES
	(101, '01a20f01-8a6c-72ad-b208-4d966b8b1b5d', 'app_alice'),
	(102, '01a20f01-8a6c-72ad-b208-4d9688f439b1', 'app_alice'),
	(103, '01a20f01-8a6c-72ad-b208-4d97152ddde7', 'app_alice'),
	(104, '01a20f01-8a6c-72ad-b208-4d978d07a388', 'app_alice'),
	(105, '01a20f01-8a72-7248-8b7c-cae783fd9c08', 'app_alice'),
	(106, '01a20f01-8a72-7248-8b7c-cae7e74fbc9a', 'app_alice'),
	(107, '01a20f01-8a72-7248-8b7c-cae8bd35916c', 'app_alice'),
	(108, '01a20f01-8a72-7248-8b7c-cae995fdb980', 'app_alice'),
	(109, '01a20f01-8a72-7248-8b7c-cae9e00397fa', 'app_alice'),
	(110, '01a20f01-8a72-7248-8b7c-caea7f39c198', 'app_alice'),
	(111, '01a20f01-8a73-705a-8323-964548d4b807', 'app_alice'),
	(112, '01a20f01-8a73-705a-8323-964646eeb21b', 'app_alice'),
	(113, '01a20f01-8a73-705a-8323-9646bda8ac00', 'app_alice'),
	(114, '01a20f01-8a73-705a-8323-9647645f58ac', 'app_alice'),
	(115, '01a20f01-8a73-705a-8323-9647775f467d', 'app_alice'),
	(116, '01a20f01-8a74-70ac-9a25-5cc1dbe227ea', 'app_alice'),
	(117, '01a20f01-8a74-70ac-9a25-5cc25459b355', 'app_alice'),
	(118, '01a20f01-8a74-70ac-9a25-5cc273d139b6', 'app_alice'),
	(119, '01a20f01-8a75-73cf-aee4-414e826f33cc', 'app_alice'),
	(120, '01a20f01-8a75-73cf-aee4-414eaa84c105', 'app_alice'),
	(121, '01a20f01-8a78-7086-95e6-8648c87bf913', 'app_alice'),
	(122, '01a20f01-8a78-7086-95e6-8649343d805d', 'app_alice'),
	(123, '01a20f01-8a78-7086-95e6-864961fabfb8', 'app_alice'),
	(124, '01a20f01-8a78-7086-95e6-864a1f5e09ef', 'app_alice'),
	(125, '01a20f01-8a78-7086-95e6-864aac005b06', 'app_alice'),
	(126, '01a20f01-8a78-7086-95e6-864b8b130978', 'app_alice'),
	(127, '01a20f01-8a78-7086-95e6-864c7d32e9b6', 'app_alice'),
	(128, '01a20f01-8a78-7086-95e6-864ca8b2f135', 'app_alice'),
	(129, '01a20f01-8a78-7086-95e6-864d0d9831cc', 'app_alice'),
	(130, '01a20f01-8a78-7086-95e6-864e0974845a', 'app_alice'),
	(131, '01a20f01-8a78-7086-95e6-864ea9be885d', 'app_alice'),
	(132, '01a20f01-8a78-7086-95e6-864f36b4c8ac', 'app_alice'),
	(133, '01a20f01-8a7a-7575-846c-f5a382fd1336', 'app_alice'),
	(134, '01a20f01-8a7a-7575-846c-f5a3c2142b2c', 'app_alice'),
	(135, '01a20f01-8a7a-7575-846c-f5a404fc9ea1', 'app_alice'),
	(136, '01a20f01-8a7b-707f-813f-23ef7448979d', 'app_alice'),
	(137, '01a20f01-8a80-722e-b9b8-fe21eaa95413', 'app_alice'),
	(138, '01a20f01-8a80-722e-b9b8-fe220552795f', 'app_alice'),
	(139, '01a20f01-8a80-722e-b9b8-fe22ad9ea64f', 'app_alice'),
	(140, '01a20f01-8a81-7729-9a82-f0cffe5ab342', 'app_alice'),
	(141, '01a20f01-8a82-752f-851e-a360f259881a', 'app_alice'),
	(142, '01a20f01-8a82-752f-851e-a361e9d83a4b', 'app_alice'),
	(143, '01a20f01-8a82-752f-851e-a36222b38f63', 'app_alice'),
	(144, '01a20f01-8a82-752f-851e-a362dde3773f', 'app_alice'),
	(145, '01a20f01-8a82-752f-851e-a3635a987fa1', 'app_alice'),
	(146, '01a20f01-8a82-752f-851e-a36397049199', 'app_alice'),
	(147, '01a20f01-8a82-752f-851e-a3646b574d6a', 'app_alice'),
	(148, '01a20f01-8a82-752f-851e-a364fb7f2710', 'app_alice'),
	(149, '01a20f01-8a82-752f-851e-a365bfb7baad', 'app_alice'),
	(150, '01a20f01-8a82-752f-851e-a366b5995de9', 'app_alice');
INSERT INTO ledger.log VALUES
	(151, '01a20f01-8a82-752f-851e-a367111716ea', 'app_alice'),
	(152, '01a20f01-8a82-752f-851e-a367236792fc', 'app_alice'),
	(153, '01a20f01-8a83-7726-b125-fae92e357c2e', 'app_alice'),
	(154, '01a20f01-8a8b-76ad-8399-51920d6a56b9', 'app_alice'),
	(155, '01a20f01-8a92-7125-ae89-7634c7592159', 'app_alice'),
	(156, '01a20f01-8a95-703e-aae6-89234c4046f5', 'app_alice'),
	(157, '01a20f01-8eab-76cd-a67f-20fa62678b73', 'app_alice'),
	(158, '01a20f01-8eae-76d1-97e2-b1a3739917b1', 'app_alice'),
	(159, '01a20f01-8eae-76d1-97e2-b1a38e536c49', 'app_alice'),
	(160, '01a20f01-8f12-73e5-972c-ceca06273e7a', 'tenant-7'),
	(161, '01a20f01-8f38-7b30-9ecc-34b0413d4e66', 'tenant-7'),
	(162, '01a20f01-8f43-7057-85aa-1f21b1c7d7a6', 'tenant-7'),
	(163, '01a20f01-8f43-7057-85aa-1f21bab2f337', 'tenant-7'),
	(164, '01a20f01-8f43-7057-85aa-1f22411cf7c1', 'tenant-7'),
	(165, '01a20f01-8f48-7327-b0f4-84a998c51363', 'tenant-7'),
	(166, '01a20f01-8f46-7385-868e-77ae283ebac0', 'app_alice'),
	(167, '01a20f01-8f60-70d5-8e2e-16354e93ff96', 'app_alice'),
	(168, '01a20f01-8f61-73df-9419-71ac8cc34436', 'app_alice'),
	(169, '01a20f01-8f61-73df-9419-71aceb965654', 'app_alice'),
	(170, '01a20f01-8f80-7a27-a12c-5a90b0fd4ea2', 'app_alice'),
	(171, '01a20f01-8f6a-7254-be4e-7c843979e7e2', 'app_alice'),
	(172, '01a20f01-8f99-75dc-810b-1283011f62e7', 'app_alice'),
	(173, '01a20f01-8f9c-7020-a4cd-56e6ae65f698', 'app_alice'),
	(174, '01a20f01-8f9c-7020-a4cd-56e74ffd3d70', 'app_alice'),
	(175, '01a20f01-8fcb-7bd4-aab6-6c4ecdd7406a', 'app_alice'),
	(176, '01a20f01-8fe3-795d-96aa-d9fe3a2ab659', 'worker'),
	(177, '01a20f01-8ff8-73f3-bc3c-88e43622f32d', 'app_alice'),
	(178, '01a20f01-906f-72e6-ac59-d54c1d7d875a', 'app_alice'),
	(179, '01a20f01-9074-769b-8c37-f8fba15b3650', 'app_alice'),
	(180, '01a20f01-9076-7597-8a77-8f16959fc83f', 'app_alice'),
	(181, '01a20f01-907c-73d8-b044-aa55713fd3f6', 'app_alice'),
	(182, '01a20f01-9084-704d-85ce-78877ae83478', 'app_alice'),
	(183, '01a20f01-9087-7365-aee9-2c604130ead7', 'app_alice'),
	(184, '01a20f01-908c-7106-852d-9a73f7d55354', 'app_alice'),
	(185, '01a20f01-908f-776d-9643-308213ec1c0f', 'app_alice'),
	(186, '01a20f01-9093-70bb-8870-54ecd0535a6b', 'app_alice'),
	(187, '01a20f01-9098-75f5-982f-ae9f5e5b6a7c', 'app_alice'),
	(188, '01a20f01-909c-74c6-a41d-733f5da9fc28', 'app_alice'),
	(189, '01a20f01-90a4-777a-87cc-ecdbbd6773db', 'app_alice'),
	(190, '01a20f01-90ac-7180-9d04-1b26ae1ad963', 'app_alice'),
	(191, '01a20f01-9339-7798-9cc8-de8c71ef6ddd', 'worker'),
	(192, '01a20f01-934d-729b-8309-de400d5c8e90', 'app_alice'),
	(193, '01a20f01-934d-729b-8309-de400d5c8e91', 'app_alice'),
	(194, '01a20f01-9353-7013-9cd9-929eef5ae347', 'app_alice'),
	(195, '01a20f01-9353-7013-9cd9-929f0b579f2d', 'app_alice'),
	(196, '01a20f01-9361-7e04-86cc-d217021894cb', 'app_alice'),
	(197, '01a20f01-9361-7e04-86cc-d217021894cc', 'app_alice'),
	(198, '01a20f01-9361-7e04-86cc-d217021894cd', 'app_alice'),
	(199, '01a20f01-9361-7e04-86cc-d217021894ce', 'app_alice'),
	(200, '01a20f01-937e-7cfa-836c-c1355062aa1d', 'app_alice');
INSERT INTO ledger.log VALUES
	(201, '01a20f01-9367-76b0-8762-8c715f215f8d', 'app_alice'),
	(202, '01a20f01-9367-76b0-8762-8c7220ba378f', 'app_alice'),
	(203, '01a20f01-937e-70c9-8f55-0291e7f6eae5', 'app_alice'),
	(204, '01a20f01-937e-70c9-8f55-0292ba082ffa', 'app_alice'),
	(205, '01a20f01-937e-70c9-8f55-02934f667b07', 'app_alice'),
	(206, '01a20f01-937e-70c9-8f55-0293fe335a4b', 'app_alice'),
	(207, '01a20f01-9384-7cba-aada-e3664162e958', 'app_alice'),
	(208, '01a20f01-9384-7cba-aada-e3664162e959', 'app_alice'),
	(209, '01a20f01-9384-7cba-aada-e3664162e95a', 'app_alice'),
	(210, '01a20f01-9384-7cba-aada-e3664162e95b', 'app_alice'),
	(211, '01a20f01-9384-7cba-aada-e3664162e95c', 'app_alice'),
	(212, '01a20f01-9384-7cba-aada-e3664162e95d', 'app_alice'),
	(213, '01a20f01-9384-7600-9694-036d3513cded', 'app_alice'),
	(214, '01a20f01-9389-7371-9bfa-4563cf1257cf', 'app_alice'),
	(215, '01a20f01-9390-76de-9416-39cd9137fcc9', 'app_alice'),
	(216, '01a20f01-9390-76de-9416-39ce243df4cd', 'app_alice'),
	(217, '01a20f01-9390-76de-9416-39ce2b714b2f', 'app_alice'),
	(218, '01a20f01-9390-76de-9416-39cedce338c4', 'app_alice'),
	(219, '01a20f01-9390-76de-9416-39cfb386c892', 'app_alice'),
	(220, '01a20f01-9390-76de-9416-39d08c3d0236', 'app_alice'),
	(221, '01a20f01-9391-76a7-b911-9fed334bc3d9', 'app_alice'),
	(222, '01a20f01-9391-76a7-b911-9fed9ba0ec86', 'app_alice'),
	(223, '01a20f01-9394-77dc-bd27-dd417c25d5f6', 'app_alice'),
	(224, '01a20f01-939b-70ee-ba45-8fe3cd893b72', 'app_alice'),
	(225, '01a20f01-9399-7648-8147-d321440ebebb', 'app_alice'),
	(226, '01a20f01-9399-7648-8147-d321ba2f3ef2', 'app_alice'),
	(227, '01a20f01-9399-7648-8147-d3227b4c7fef', 'app_alice'),
	(228, '01a20f01-9399-7648-8147-d3228b3aa2eb', 'app_alice'),
	(229, '01a20f01-9399-7648-8147-d32357134be9', 'app_alice'),
	(230, '01a20f01-9399-7648-8147-d323f37fdfc0', 'app_alice'),
	(231, '01a20f01-939c-754e-9f25-317d3555e190', 'app_alice'),
	(232, '01a20f01-939c-754e-9f25-317d84955801', 'app_alice'),
	(233, '01a20f01-939c-754e-9f25-317dc50a0306', 'app_alice'),
	(234, '01a20f01-93a0-700c-abb0-d404c9ef404b', 'app_alice'),
	(235, '01a20f01-97ab-78e3-b196-7bcfec6b2e1b', 'app_alice'),
	(236, '01a20f01-97b0-7559-8915-954a0332a2f8', 'app_alice'),
	(237, '01a20f01-97b0-7559-8915-954a422b6296', 'app_alice');


--
-- Data for Name: processors; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.processors OVERRIDING SYSTEM VALUE VALUES
	('01a20f01-7800-721d-88d3-f82b4d1af563', 2, '2026-11-24 19:21:24.225099+00', '2026-11-24 19:21:30.270563+00', '2026-11-24 19:21:30.338363+00', NULL, 13, '00:00:00', 'vm', 898, 'worker', '{default}', '{crash,defer,fail,give-up,retry-later,second-try,square,stay}'),
	('01a20f01-932d-768d-b9e6-f555a72e212f', 4, '2026-11-24 19:21:31.183667+00', '2026-11-24 19:21:32.205038+00', NULL, NULL, 3, '00:00:00', 'vm', 1148, 'worker', '{default}', '{crash,defer,fail,give-up,retry-later,second-try,square,stay}'),
	('d5dfd67f-7eb7-4092-8c74-4e8b1f355177', 1, '2026-11-24 19:21:23.68682+00', '2026-11-24 19:21:23.68682+00', NULL, '2026-11-24 19:21:28.27511+00', 0, '00:00:00', 'gone.example', 1, 'worker', '{default}', '{square}'),
	('480f342a-4e3e-4f5b-aef0-5d1a6711a0d8', 3, '2026-11-24 19:21:28.383227+00', '2026-11-24 19:21:28.383227+00', '2026-11-24 19:21:28.402443+00', NULL, 0, '00:00:00', 'late.example', 2, 'worker', '{default}', '{none}');


--
-- Data for Name: queue; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.queue VALUES
	('01a20f01-753a-7560-8862-04cd7a424722', 3, NULL, NULL, 0, 'default', 'nobody-serves-this'),
	('01a20f01-9098-75f5-982f-ae9f5e5b6a7c', 187, NULL, NULL, 0, 'default', 'nobody-serves-this'),
	('01a20f01-909c-74c6-a41d-733f5da9fc28', 188, '2036-11-21 19:21:30.523961+00', NULL, 5, 'default', 'square'),
	('01a20f01-908f-776d-9643-308213ec1c0f', 185, '2036-11-21 19:21:31.281475+00', NULL, 0, 'default', 'retry-later'),
	('01a20f01-9093-70bb-8870-54ecd0535a6b', 186, '2036-11-21 19:21:31.284148+00', NULL, 0, 'default', 'defer');


--
-- Data for Name: refusals; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.refusals VALUES
	('01a20f01-8861-72bc-ba61-f414af851f9a', 26, '01a20f01-887e-7271-bf2f-c320c5c7975f', '01a20f01-887e-7271-bf2f-c320c5c7975f', 'app_alice', '2026-11-24 19:21:28.874248+00', 'expired', 'the job was to be done by 2026-11-24T19:21:28.746434Z', 'job.requested', '{"name":"square","params":{"n":99},"limits":{"expires_at":"2026-11-24T19:21:28.746434Z"}}'),
	('01a20f01-8861-72bc-ba61-f414af851f9a', 28, '01a20f01-8884-7b79-997e-b02f746efb6e', '01a20f01-7535-736f-8391-548c52b8d41b', 'app_alice', '2026-11-24 19:21:28.874248+00', 'not_yours', 'no such job of yours', 'job.cancel_requested', '{}');


--
-- Data for Name: replica_turns; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.replica_turns VALUES
	('01a20f01-8861-72bc-ba61-f414af851f9a', 'replica.forked', 1, 1);


--
-- Data for Name: replicas; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.replicas VALUES
	('01a20f01-752d-7142-baa7-0cf6463973ad', 'app_bob', 2, 1, '763', '2026-11-24 19:21:23.63557+00', '2026-11-24 19:21:23.63557+00'),
	('01a20f01-8f0c-71ea-9ca5-ce65b947f3eb', 'tenant-7', 1, 1, '841', '2026-11-24 19:21:30.149565+00', '2026-11-24 19:21:30.149565+00'),
	('01a20f01-8f84-768d-af0a-e15447f451e3', 'app_alice', 1, 1, '858', '2026-11-24 19:21:30.245866+00', '2026-11-24 19:21:30.245866+00'),
	('01a20f01-8861-72bc-ba61-f414af851f9a', 'app_alice', 47, 2, '910', '2026-11-24 19:21:28.874248+00', '2026-11-24 19:21:32.470954+00');


--
-- Data for Name: rights; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.rights VALUES
	('there is a role ledger_client', 1, 'create role ledger_client nologin'),
	('there is a role ledger_processor', 1, 'create role ledger_processor nologin'),
	('there is a role ledger_auditor', 1, 'create role ledger_auditor nologin'),
	('there is a role ledger_operator', 1, 'create role ledger_operator nologin'),
	('ledger_client is a group without powers of its own', 2, 'alter role ledger_client nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls'),
	('ledger_processor is a group without powers of its own', 2, 'alter role ledger_processor nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls'),
	('ledger_auditor is a group without powers of its own', 2, 'alter role ledger_auditor nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls'),
	('ledger_operator is a group without powers of its own', 2, 'alter role ledger_operator nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls'),
	('sequence ledger.processors_number_seq belongs to the owner of the schema', 3, NULL),
	('table ledger.schema_version belongs to the owner of the schema', 3, NULL),
	('table ledger.queue belongs to the owner of the schema', 3, NULL),
	('table ledger.counts belongs to the owner of the schema', 3, NULL),
	('table ledger.tally belongs to the owner of the schema', 3, NULL),
	('table ledger.processors belongs to the owner of the schema', 3, NULL),
	('table ledger.claims belongs to the owner of the schema', 3, NULL),
	('table ledger.early_cancels belongs to the owner of the schema', 3, NULL),
	('table ledger.lives belongs to the owner of the schema', 3, NULL),
	('table ledger.sequencer belongs to the owner of the schema', 3, NULL),
	('table ledger.leader belongs to the owner of the schema', 3, NULL),
	('table ledger.leftovers belongs to the owner of the schema', 3, NULL),
	('table ledger.replicas belongs to the owner of the schema', 3, NULL),
	('table ledger.delegations belongs to the owner of the schema', 3, NULL),
	('table ledger.keys belongs to the owner of the schema', 3, NULL),
	('table ledger.replica_turns belongs to the owner of the schema', 3, NULL),
	('table ledger.refusals belongs to the owner of the schema', 3, NULL),
	('view ledger.my_jobs belongs to the owner of the schema', 3, NULL),
	('table ledger.limits belongs to the owner of the schema', 3, NULL),
	('table ledger.events belongs to the owner of the schema', 3, NULL),
	('table ledger.log belongs to the owner of the schema', 3, NULL),
	('table ledger.jobs belongs to the owner of the schema', 3, NULL),
	('table ledger.rights belongs to the owner of the schema', 3, NULL),
	('view ledger.rights_found belongs to the owner of the schema', 3, NULL),
	('function ledger.announce_events() belongs to the owner of the schema', 3, NULL),
	('function ledger.insist_on_read_committed() belongs to the owner of the schema', 3, NULL),
	('function ledger.new_id() belongs to the owner of the schema', 3, NULL),
	('function ledger.nth_id(p_first uuid, p_n bigint) belongs to the owner of the schema', 3, NULL),
	('function ledger.note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json) belongs to the owner of the schema', 3, NULL),
	('function ledger.refuse_change() belongs to the owner of the schema', 3, NULL),
	('function ledger.hint(p_channel text) belongs to the owner of the schema', 3, NULL),
	('function ledger.release_jobs(p_limit integer) belongs to the owner of the schema', 3, NULL),
	('function ledger.snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8) belongs to the owner of the schema', 3, NULL),
	('function ledger.insist_on_few_lives() belongs to the owner of the schema', 3, NULL),
	('function ledger.sum_tally() belongs to the owner of the schema', 3, NULL),
	('function ledger.apply_cancels(p_after bigint, p_upto bigint) belongs to the owner of the schema', 3, NULL),
	('function ledger.expire_jobs(p_limit integer) belongs to the owner of the schema', 3, NULL),
	('function ledger.lead(p_holder uuid) belongs to the owner of the schema', 3, NULL),
	('function ledger.refuse_record(p_why text) belongs to the owner of the schema', 3, NULL),
	('function ledger.refuse_unreadable(p_data text) belongs to the owner of the schema', 3, NULL),
	('function ledger.all_match(p_texts text[], p_pattern text) belongs to the owner of the schema', 3, NULL),
	('function ledger.are_uuids(p_texts text[]) belongs to the owner of the schema', 3, NULL);
INSERT INTO ledger.rights VALUES
	('function ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.as_uuid(p_text text) belongs to the owner of the schema', 3, NULL),
	('function ledger.are_times(p_texts text[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.is_time(p_text text) belongs to the owner of the schema', 3, NULL),
	('function ledger.place_of_number(p_data json) belongs to the owner of the schema', 3, NULL),
	('function ledger.judge(p_type text, p_v integer, p_data text) belongs to the owner of the schema', 3, NULL),
	('function ledger.owner_for(p_on_behalf_of text) belongs to the owner of the schema', 3, NULL),
	('function ledger.delegate(p_actor text, p_owner text, p_may boolean) belongs to the owner of the schema', 3, NULL),
	('function ledger.keep_commits_durable() belongs to the owner of the schema', 3, NULL),
	('function ledger.admit(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.admit_one_by_one(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text) belongs to the owner of the schema', 3, NULL),
	('function ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text) belongs to the owner of the schema', 3, NULL),
	('function ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid) belongs to the owner of the schema', 3, NULL),
	('function ledger.sequence(p_limit integer) belongs to the owner of the schema', 3, NULL),
	('function ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) belongs to the owner of the schema', 3, NULL),
	('function ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval) belongs to the owner of the schema', 3, NULL),
	('function ledger.stop_processor(p_processor uuid) belongs to the owner of the schema', 3, NULL),
	('function ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.forget_claims(p_processor uuid, p_claims uuid[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) belongs to the owner of the schema', 3, NULL),
	('function ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.completed_steps(p_job_ids uuid[]) belongs to the owner of the schema', 3, NULL),
	('function ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint) belongs to the owner of the schema', 3, NULL),
	('function ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) belongs to the owner of the schema', 3, NULL),
	('function ledger.lock_class() belongs to the owner of the schema', 3, NULL),
	('function ledger.is_processors_lock(p_number integer) belongs to the owner of the schema', 3, NULL),
	('function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) belongs to the owner of the schema', 3, NULL),
	('function ledger.current_life() belongs to the owner of the schema', 3, NULL),
	('function ledger.is_suspect(p_data text) belongs to the owner of the schema', 3, NULL),
	('function ledger.has_suspect_number(p_data text) belongs to the owner of the schema', 3, NULL),
	('function ledger.unreadable_number(p_data text) belongs to the owner of the schema', 3, NULL),
	('function ledger.is_deeper(p_data text, p_depth integer) belongs to the owner of the schema', 3, NULL),
	('function ledger.why_unreadable(p_data text) belongs to the owner of the schema', 3, NULL),
	('function ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) belongs to the owner of the schema', 3, NULL),
	('function ledger.begin_life(p_reason text, p_after uuid) belongs to the owner of the schema', 3, NULL),
	('function ledger.read_all() belongs to the owner of the schema', 3, NULL),
	('ledger_operator may execute on function ledger.is_suspect(p_data text)', 4, 'grant EXECUTE on function ledger.is_suspect(p_data text) to ledger_operator'),
	('ledger_client may select on table ledger.my_jobs', 4, 'grant SELECT on table ledger.my_jobs to ledger_client'),
	('ledger_client may execute on function ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text)', 4, 'grant EXECUTE on function ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text) to ledger_client'),
	('ledger_client may execute on function ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text)', 4, 'grant EXECUTE on function ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) to ledger_client'),
	('ledger_auditor may select on table ledger.rights_found', 4, 'grant SELECT on table ledger.rights_found to ledger_auditor'),
	('ledger_processor may select on table ledger.counts', 4, 'grant SELECT on table ledger.counts to ledger_processor'),
	('ledger_processor may execute on function ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid)', 4, 'grant EXECUTE on function ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) to ledger_processor'),
	('ledger_auditor may execute on function ledger.is_suspect(p_data text)', 4, 'grant EXECUTE on function ledger.is_suspect(p_data text) to ledger_auditor'),
	('ledger_processor may execute on function ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint)', 4, 'grant EXECUTE on function ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint) to ledger_processor'),
	('ledger_processor may select on table ledger.events', 4, 'grant SELECT on table ledger.events to ledger_processor'),
	('ledger_operator may select on table ledger.rights_found', 4, 'grant SELECT on table ledger.rights_found to ledger_operator'),
	('ledger_processor may execute on function ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[])', 4, 'grant EXECUTE on function ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) to ledger_processor');
INSERT INTO ledger.rights VALUES
	('ledger_processor may execute on function ledger.completed_steps(p_job_ids uuid[])', 4, 'grant EXECUTE on function ledger.completed_steps(p_job_ids uuid[]) to ledger_processor'),
	('ledger_processor may execute on function ledger.is_processors_lock(p_number integer)', 4, 'grant EXECUTE on function ledger.is_processors_lock(p_number integer) to ledger_processor'),
	('ledger_operator may select on table ledger.keys', 4, 'grant SELECT on table ledger.keys to ledger_operator'),
	('ledger_processor may select on table ledger.keys', 4, 'grant SELECT on table ledger.keys to ledger_processor'),
	('ledger_auditor may select on table ledger.delegations', 4, 'grant SELECT on table ledger.delegations to ledger_auditor'),
	('ledger_auditor may execute on function ledger.is_deeper(p_data text, p_depth integer)', 4, 'grant EXECUTE on function ledger.is_deeper(p_data text, p_depth integer) to ledger_auditor'),
	('ledger_auditor may execute on function ledger.current_life()', 4, 'grant EXECUTE on function ledger.current_life() to ledger_auditor'),
	('ledger_auditor may select on table ledger.keys', 4, 'grant SELECT on table ledger.keys to ledger_auditor'),
	('ledger_processor may select on table ledger.replica_turns', 4, 'grant SELECT on table ledger.replica_turns to ledger_processor'),
	('ledger_processor may execute on function ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer)', 4, 'grant EXECUTE on function ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) to ledger_processor'),
	('ledger_operator may execute on function ledger.has_suspect_number(p_data text)', 4, 'grant EXECUTE on function ledger.has_suspect_number(p_data text) to ledger_operator'),
	('ledger_auditor may execute on function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid)', 4, 'grant EXECUTE on function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) to ledger_auditor'),
	('ledger_operator may select on table ledger.claims', 4, 'grant SELECT on table ledger.claims to ledger_operator'),
	('ledger_processor may select on table ledger.jobs', 4, 'grant SELECT on table ledger.jobs to ledger_processor'),
	('ledger_auditor may select on table ledger.my_jobs', 4, 'grant SELECT on table ledger.my_jobs to ledger_auditor'),
	('ledger_auditor may select on table ledger.schema_version', 4, 'grant SELECT on table ledger.schema_version to ledger_auditor'),
	('ledger_processor may execute on function ledger.forget_claims(p_processor uuid, p_claims uuid[])', 4, 'grant EXECUTE on function ledger.forget_claims(p_processor uuid, p_claims uuid[]) to ledger_processor'),
	('ledger_operator may select on table ledger.my_jobs', 4, 'grant SELECT on table ledger.my_jobs to ledger_operator'),
	('ledger_operator may select on table ledger.early_cancels', 4, 'grant SELECT on table ledger.early_cancels to ledger_operator'),
	('ledger_auditor may execute on function ledger.lock_class()', 4, 'grant EXECUTE on function ledger.lock_class() to ledger_auditor'),
	('ledger_processor may execute on function ledger.sequence(p_limit integer)', 4, 'grant EXECUTE on function ledger.sequence(p_limit integer) to ledger_processor'),
	('ledger_client may usage on schema ledger', 4, 'grant USAGE on schema ledger to ledger_client'),
	('ledger_processor may select on table ledger.my_jobs', 4, 'grant SELECT on table ledger.my_jobs to ledger_processor'),
	('ledger_auditor may select on table ledger.replica_turns', 4, 'grant SELECT on table ledger.replica_turns to ledger_auditor'),
	('ledger_auditor may select on table ledger.refusals', 4, 'grant SELECT on table ledger.refusals to ledger_auditor'),
	('ledger_auditor may select on table ledger.rights', 4, 'grant SELECT on table ledger.rights to ledger_auditor'),
	('ledger_auditor may select on table ledger.tally', 4, 'grant SELECT on table ledger.tally to ledger_auditor'),
	('ledger_processor may execute on function ledger.why_unreadable(p_data text)', 4, 'grant EXECUTE on function ledger.why_unreadable(p_data text) to ledger_processor'),
	('ledger_processor may execute on function ledger.lead(p_holder uuid)', 4, 'grant EXECUTE on function ledger.lead(p_holder uuid) to ledger_processor'),
	('ledger_operator may select on table ledger.leader', 4, 'grant SELECT on table ledger.leader to ledger_operator'),
	('ledger_auditor may select on table ledger.log', 4, 'grant SELECT on table ledger.log to ledger_auditor'),
	('ledger_processor may select on table ledger.claims', 4, 'grant SELECT on table ledger.claims to ledger_processor'),
	('ledger_processor may select on table ledger.log', 4, 'grant SELECT on table ledger.log to ledger_processor'),
	('ledger_operator may select on table ledger.replicas', 4, 'grant SELECT on table ledger.replicas to ledger_operator'),
	('ledger_operator may update on table ledger.limits', 4, 'grant UPDATE on table ledger.limits to ledger_operator'),
	('ledger_processor may select on table ledger.schema_version', 4, 'grant SELECT on table ledger.schema_version to ledger_processor'),
	('ledger_processor may select on table ledger.lives', 4, 'grant SELECT on table ledger.lives to ledger_processor'),
	('ledger_processor may select on table ledger.queue', 4, 'grant SELECT on table ledger.queue to ledger_processor'),
	('ledger_client may select on table ledger.limits', 4, 'grant SELECT on table ledger.limits to ledger_client'),
	('ledger_operator may select on table ledger.replica_turns', 4, 'grant SELECT on table ledger.replica_turns to ledger_operator'),
	('ledger_processor may execute on function ledger.current_life()', 4, 'grant EXECUTE on function ledger.current_life() to ledger_processor'),
	('ledger_processor may select on table ledger.refusals', 4, 'grant SELECT on table ledger.refusals to ledger_processor'),
	('ledger_auditor may select on table ledger.replicas', 4, 'grant SELECT on table ledger.replicas to ledger_auditor'),
	('ledger_operator may select on table ledger.sequencer', 4, 'grant SELECT on table ledger.sequencer to ledger_operator'),
	('ledger_operator may select on table ledger.counts', 4, 'grant SELECT on table ledger.counts to ledger_operator'),
	('ledger_processor may execute on function ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[])', 4, 'grant EXECUTE on function ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) to ledger_processor'),
	('ledger_operator may select on table ledger.processors', 4, 'grant SELECT on table ledger.processors to ledger_operator'),
	('ledger_operator may execute on function ledger.current_life()', 4, 'grant EXECUTE on function ledger.current_life() to ledger_operator'),
	('ledger_auditor may select on table ledger.sequencer', 4, 'grant SELECT on table ledger.sequencer to ledger_auditor'),
	('ledger_operator may select on table ledger.delegations', 4, 'grant SELECT on table ledger.delegations to ledger_operator');
INSERT INTO ledger.rights VALUES
	('ledger_auditor may usage on schema ledger', 4, 'grant USAGE on schema ledger to ledger_auditor'),
	('ledger_operator may execute on function ledger.unreadable_number(p_data text)', 4, 'grant EXECUTE on function ledger.unreadable_number(p_data text) to ledger_operator'),
	('ledger_processor may execute on function ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval)', 4, 'grant EXECUTE on function ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval) to ledger_processor'),
	('ledger_operator may execute on function ledger.read_all()', 4, 'grant EXECUTE on function ledger.read_all() to ledger_operator'),
	('ledger_operator may execute on function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid)', 4, 'grant EXECUTE on function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) to ledger_operator'),
	('ledger_auditor may select on table ledger.leftovers', 4, 'grant SELECT on table ledger.leftovers to ledger_auditor'),
	('ledger_processor may select on table ledger.rights', 4, 'grant SELECT on table ledger.rights to ledger_processor'),
	('ledger_processor may select on table ledger.tally', 4, 'grant SELECT on table ledger.tally to ledger_processor'),
	('ledger_operator may usage on schema ledger', 4, 'grant USAGE on schema ledger to ledger_operator'),
	('ledger_processor may execute on function ledger.is_deeper(p_data text, p_depth integer)', 4, 'grant EXECUTE on function ledger.is_deeper(p_data text, p_depth integer) to ledger_processor'),
	('ledger_operator may execute on function ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text)', 4, 'grant EXECUTE on function ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) to ledger_operator'),
	('ledger_processor may select on table ledger.replicas', 4, 'grant SELECT on table ledger.replicas to ledger_processor'),
	('ledger_processor may execute on function ledger.find_cancelled(p_processor uuid, p_job_ids uuid[])', 4, 'grant EXECUTE on function ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) to ledger_processor'),
	('ledger_processor may execute on function ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid)', 4, 'grant EXECUTE on function ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid) to ledger_processor'),
	('ledger_operator may select on table ledger.rights', 4, 'grant SELECT on table ledger.rights to ledger_operator'),
	('ledger_operator may select on table ledger.limits', 4, 'grant SELECT on table ledger.limits to ledger_operator'),
	('ledger_processor may execute on function ledger.lock_class()', 4, 'grant EXECUTE on function ledger.lock_class() to ledger_processor'),
	('ledger_auditor may select on table ledger.queue', 4, 'grant SELECT on table ledger.queue to ledger_auditor'),
	('ledger_operator may select on table ledger.events', 4, 'grant SELECT on table ledger.events to ledger_operator'),
	('ledger_operator may select on table ledger.tally', 4, 'grant SELECT on table ledger.tally to ledger_operator'),
	('ledger_processor may execute on function ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer)', 4, 'grant EXECUTE on function ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) to ledger_processor'),
	('ledger_processor may execute on function ledger.unreadable_number(p_data text)', 4, 'grant EXECUTE on function ledger.unreadable_number(p_data text) to ledger_processor'),
	('ledger_processor may select on table ledger.delegations', 4, 'grant SELECT on table ledger.delegations to ledger_processor'),
	('ledger_processor may execute on function ledger.stop_processor(p_processor uuid)', 4, 'grant EXECUTE on function ledger.stop_processor(p_processor uuid) to ledger_processor'),
	('ledger_auditor may select on table ledger.lives', 4, 'grant SELECT on table ledger.lives to ledger_auditor'),
	('ledger_operator may select on table ledger.leftovers', 4, 'grant SELECT on table ledger.leftovers to ledger_operator'),
	('ledger_auditor may select on table ledger.early_cancels', 4, 'grant SELECT on table ledger.early_cancels to ledger_auditor'),
	('ledger_operator may execute on function ledger.lock_class()', 4, 'grant EXECUTE on function ledger.lock_class() to ledger_operator'),
	('ledger_operator may select on table ledger.log', 4, 'grant SELECT on table ledger.log to ledger_operator'),
	('ledger_auditor may select on table ledger.counts', 4, 'grant SELECT on table ledger.counts to ledger_auditor'),
	('ledger_auditor may select on table ledger.claims', 4, 'grant SELECT on table ledger.claims to ledger_auditor'),
	('ledger_processor may usage on schema ledger', 4, 'grant USAGE on schema ledger to ledger_processor'),
	('ledger_auditor may execute on function ledger.has_suspect_number(p_data text)', 4, 'grant EXECUTE on function ledger.has_suspect_number(p_data text) to ledger_auditor'),
	('ledger_client may execute on function ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text)', 4, 'grant EXECUTE on function ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text) to ledger_client'),
	('ledger_auditor may execute on function ledger.why_unreadable(p_data text)', 4, 'grant EXECUTE on function ledger.why_unreadable(p_data text) to ledger_auditor'),
	('ledger_processor may execute on function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid)', 4, 'grant EXECUTE on function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) to ledger_processor'),
	('ledger_processor may select on table ledger.processors', 4, 'grant SELECT on table ledger.processors to ledger_processor'),
	('ledger_auditor may select on table ledger.jobs', 4, 'grant SELECT on table ledger.jobs to ledger_auditor'),
	('ledger_operator may execute on function ledger.why_unreadable(p_data text)', 4, 'grant EXECUTE on function ledger.why_unreadable(p_data text) to ledger_operator'),
	('ledger_processor may select on table ledger.limits', 4, 'grant SELECT on table ledger.limits to ledger_processor'),
	('ledger_operator may select on table ledger.jobs', 4, 'grant SELECT on table ledger.jobs to ledger_operator'),
	('ledger_processor may execute on function ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[])', 4, 'grant EXECUTE on function ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) to ledger_processor'),
	('ledger_processor may execute on function ledger.has_suspect_number(p_data text)', 4, 'grant EXECUTE on function ledger.has_suspect_number(p_data text) to ledger_processor'),
	('ledger_processor may select on table ledger.rights_found', 4, 'grant SELECT on table ledger.rights_found to ledger_processor'),
	('ledger_operator may execute on function ledger.is_deeper(p_data text, p_depth integer)', 4, 'grant EXECUTE on function ledger.is_deeper(p_data text, p_depth integer) to ledger_operator'),
	('ledger_operator may select on table ledger.schema_version', 4, 'grant SELECT on table ledger.schema_version to ledger_operator'),
	('ledger_processor may execute on function ledger.read_all()', 4, 'grant EXECUTE on function ledger.read_all() to ledger_processor'),
	('ledger_processor may select on table ledger.early_cancels', 4, 'grant SELECT on table ledger.early_cancels to ledger_processor'),
	('ledger_auditor may execute on function ledger.unreadable_number(p_data text)', 4, 'grant EXECUTE on function ledger.unreadable_number(p_data text) to ledger_auditor'),
	('ledger_processor may execute on function ledger.is_suspect(p_data text)', 4, 'grant EXECUTE on function ledger.is_suspect(p_data text) to ledger_processor');
INSERT INTO ledger.rights VALUES
	('ledger_operator may execute on function ledger.begin_life(p_reason text, p_after uuid)', 4, 'grant EXECUTE on function ledger.begin_life(p_reason text, p_after uuid) to ledger_operator'),
	('ledger_processor may select on table ledger.leftovers', 4, 'grant SELECT on table ledger.leftovers to ledger_processor'),
	('ledger_auditor may select on table ledger.limits', 4, 'grant SELECT on table ledger.limits to ledger_auditor'),
	('ledger_operator may select on table ledger.queue', 4, 'grant SELECT on table ledger.queue to ledger_operator'),
	('ledger_auditor may select on table ledger.leader', 4, 'grant SELECT on table ledger.leader to ledger_auditor'),
	('ledger_auditor may select on table ledger.processors', 4, 'grant SELECT on table ledger.processors to ledger_auditor'),
	('ledger_processor may select on table ledger.sequencer', 4, 'grant SELECT on table ledger.sequencer to ledger_processor'),
	('ledger_auditor may execute on function ledger.read_all()', 4, 'grant EXECUTE on function ledger.read_all() to ledger_auditor'),
	('ledger_auditor may select on table ledger.events', 4, 'grant SELECT on table ledger.events to ledger_auditor'),
	('ledger_operator may select on table ledger.lives', 4, 'grant SELECT on table ledger.lives to ledger_operator'),
	('ledger_processor may select on table ledger.leader', 4, 'grant SELECT on table ledger.leader to ledger_processor'),
	('ledger_operator may select on table ledger.refusals', 4, 'grant SELECT on table ledger.refusals to ledger_operator'),
	('ledger.events has row-level security', 5, 'alter table ledger.events enable row level security'),
	('ledger.log has row-level security', 5, 'alter table ledger.log enable row level security'),
	('ledger.jobs has row-level security', 5, 'alter table ledger.jobs enable row level security'),
	('policy readers_see_all on ledger.events: permissive for select to public using (ledger.read_all())', 6, 'create policy readers_see_all on ledger.events as permissive for select to public using (ledger.read_all())'),
	('policy readers_see_all on ledger.log: permissive for select to public using (ledger.read_all())', 6, 'create policy readers_see_all on ledger.log as permissive for select to public using (ledger.read_all())'),
	('policy readers_see_all on ledger.jobs: permissive for select to public using (ledger.read_all())', 6, 'create policy readers_see_all on ledger.jobs as permissive for select to public using (ledger.read_all())'),
	('ledger.my_jobs is a security barrier', 7, 'alter view ledger.my_jobs set (security_barrier = true)'),
	('ledger.rights_found is a security barrier', 7, 'alter view ledger.rights_found set (security_barrier = true)'),
	('trigger refusals_are_append_only on ledger.refusals is on', 7, 'alter table ledger.refusals enable trigger refusals_are_append_only'),
	('trigger announce_events on ledger.events is on', 7, 'alter table ledger.events enable trigger announce_events'),
	('trigger events_are_append_only on ledger.events is on', 7, 'alter table ledger.events enable trigger events_are_append_only'),
	('trigger log_is_append_only on ledger.log is on', 7, 'alter table ledger.log enable trigger log_is_append_only'),
	('column job_id of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter job_id set statistics 0'),
	('column seq of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter seq set statistics 0'),
	('column requested_at of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter requested_at set statistics 0'),
	('column run_at of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter run_at set statistics 0'),
	('column expires_at of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter expires_at set statistics 0'),
	('column cancel_requested_at of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter cancel_requested_at set statistics 0'),
	('column started_at of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter started_at set statistics 0'),
	('column finished_at of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter finished_at set statistics 0'),
	('column processor of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter processor set statistics 0'),
	('column attempt of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter attempt set statistics 0'),
	('column failures of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter failures set statistics 0'),
	('column losses of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter losses set statistics 0'),
	('column max_attempts of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter max_attempts set statistics 0'),
	('column timeout_ms of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter timeout_ms set statistics 0'),
	('column priority of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter priority set statistics 0'),
	('column status of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter status set statistics 0'),
	('column owner of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter owner set statistics 0'),
	('column namespace of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter namespace set statistics 0'),
	('column name of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter name set statistics 0'),
	('column key of ledger.jobs keeps no statistics', 7, 'alter table ledger.jobs alter key set statistics 0'),
	('function ledger.announce_events() runs as its caller', 8, 'alter function ledger.announce_events() security invoker reset all '),
	('function ledger.insist_on_read_committed() runs as its caller', 8, 'alter function ledger.insist_on_read_committed() security invoker reset all '),
	('function ledger.new_id() runs as its caller', 8, 'alter function ledger.new_id() security invoker reset all '),
	('function ledger.nth_id(p_first uuid, p_n bigint) runs as its caller', 8, 'alter function ledger.nth_id(p_first uuid, p_n bigint) security invoker reset all '),
	('function ledger.note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json) runs as its caller', 8, 'alter function ledger.note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json) security invoker reset all '),
	('function ledger.refuse_change() runs as its caller', 8, 'alter function ledger.refuse_change() security invoker reset all ');
INSERT INTO ledger.rights VALUES
	('function ledger.hint(p_channel text) runs as its caller', 8, 'alter function ledger.hint(p_channel text) security invoker reset all '),
	('function ledger.release_jobs(p_limit integer) runs as its caller', 8, 'alter function ledger.release_jobs(p_limit integer) security invoker reset all '),
	('function ledger.snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8) runs as its caller', 8, 'alter function ledger.snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8) security invoker reset all '),
	('function ledger.insist_on_few_lives() runs as its caller', 8, 'alter function ledger.insist_on_few_lives() security invoker reset all '),
	('function ledger.sum_tally() runs as its caller', 8, 'alter function ledger.sum_tally() security invoker reset all '),
	('function ledger.apply_cancels(p_after bigint, p_upto bigint) runs as its caller', 8, 'alter function ledger.apply_cancels(p_after bigint, p_upto bigint) security invoker reset all '),
	('function ledger.expire_jobs(p_limit integer) runs as its caller', 8, 'alter function ledger.expire_jobs(p_limit integer) security invoker reset all '),
	('function ledger.lead(p_holder uuid) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.lead(p_holder uuid) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.refuse_record(p_why text) runs as its caller', 8, 'alter function ledger.refuse_record(p_why text) security invoker reset all '),
	('function ledger.refuse_unreadable(p_data text) runs as its caller', 8, 'alter function ledger.refuse_unreadable(p_data text) security invoker reset all '),
	('function ledger.all_match(p_texts text[], p_pattern text) runs as its caller', 8, 'alter function ledger.all_match(p_texts text[], p_pattern text) security invoker reset all '),
	('function ledger.are_uuids(p_texts text[]) runs as its caller', 8, 'alter function ledger.are_uuids(p_texts text[]) security invoker reset all '),
	('function ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off', 8, 'alter function ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'''),
	('function ledger.as_uuid(p_text text) runs as its caller', 8, 'alter function ledger.as_uuid(p_text text) security invoker reset all '),
	('function ledger.are_times(p_texts text[]) runs as its caller', 8, 'alter function ledger.are_times(p_texts text[]) security invoker reset all '),
	('function ledger.is_time(p_text text) runs as its caller', 8, 'alter function ledger.is_time(p_text text) security invoker reset all '),
	('function ledger.place_of_number(p_data json) runs as its caller', 8, 'alter function ledger.place_of_number(p_data json) security invoker reset all '),
	('function ledger.judge(p_type text, p_v integer, p_data text) runs as its caller', 8, 'alter function ledger.judge(p_type text, p_v integer, p_data text) security invoker reset all '),
	('function ledger.owner_for(p_on_behalf_of text) runs as its caller', 8, 'alter function ledger.owner_for(p_on_behalf_of text) security invoker reset all '),
	('function ledger.delegate(p_actor text, p_owner text, p_may boolean) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and standard_conforming_strings=on', 8, 'alter function ledger.delegate(p_actor text, p_owner text, p_may boolean) security definer reset all set search_path to pg_catalog, ledger, pg_temp set standard_conforming_strings to ''on'''),
	('function ledger.keep_commits_durable() runs as its caller', 8, 'alter function ledger.keep_commits_durable() security invoker reset all '),
	('function ledger.admit(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) runs as its caller', 8, 'alter function ledger.admit(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) security invoker reset all '),
	('function ledger.admit_one_by_one(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) runs as its caller', 8, 'alter function ledger.admit_one_by_one(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) security invoker reset all '),
	('function ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off and enable_hashjoin=off and enable_mergejoin=off and enable_material=off and plan_cache_mode=force_generic_plan and standard_conforming_strings=on', 8, 'alter function ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'' set enable_hashjoin to ''off'' set enable_mergejoin to ''off'' set enable_material to ''off'' set plan_cache_mode to ''force_generic_plan'' set standard_conforming_strings to ''on'''),
	('function ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off and enable_hashjoin=off and enable_mergejoin=off and enable_material=off and plan_cache_mode=force_generic_plan', 8, 'alter function ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'' set enable_hashjoin to ''off'' set enable_mergejoin to ''off'' set enable_material to ''off'' set plan_cache_mode to ''force_generic_plan'''),
	('function ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.sequence(p_limit integer) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off and enable_hashjoin=off and enable_mergejoin=off and enable_material=off and plan_cache_mode=force_generic_plan', 8, 'alter function ledger.sequence(p_limit integer) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'' set enable_hashjoin to ''off'' set enable_mergejoin to ''off'' set enable_material to ''off'' set plan_cache_mode to ''force_generic_plan'''),
	('function ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off', 8, 'alter function ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'''),
	('function ledger.stop_processor(p_processor uuid) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.stop_processor(p_processor uuid) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off and enable_hashjoin=off and enable_mergejoin=off and enable_material=off', 8, 'alter function ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'' set enable_hashjoin to ''off'' set enable_mergejoin to ''off'' set enable_material to ''off'''),
	('function ledger.forget_claims(p_processor uuid, p_claims uuid[]) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off', 8, 'alter function ledger.forget_claims(p_processor uuid, p_claims uuid[]) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'''),
	('function ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off and enable_hashjoin=off and enable_mergejoin=off and enable_material=off and plan_cache_mode=force_generic_plan', 8, 'alter function ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'' set enable_hashjoin to ''off'' set enable_mergejoin to ''off'' set enable_material to ''off'' set plan_cache_mode to ''force_generic_plan'''),
	('function ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off and enable_hashjoin=off and enable_mergejoin=off and enable_material=off and plan_cache_mode=force_generic_plan', 8, 'alter function ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'' set enable_hashjoin to ''off'' set enable_mergejoin to ''off'' set enable_material to ''off'' set plan_cache_mode to ''force_generic_plan'''),
	('function ledger.completed_steps(p_job_ids uuid[]) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off', 8, 'alter function ledger.completed_steps(p_job_ids uuid[]) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'''),
	('function ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.lock_class() runs as its caller', 8, 'alter function ledger.lock_class() security invoker reset all '),
	('function ledger.is_processors_lock(p_number integer) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.is_processors_lock(p_number integer) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) runs as its owner, with search_path=pg_catalog, ledger, pg_temp', 8, 'alter function ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) security definer reset all set search_path to pg_catalog, ledger, pg_temp'),
	('function ledger.current_life() runs as its caller', 8, 'alter function ledger.current_life() security invoker reset all '),
	('function ledger.is_suspect(p_data text) runs as its caller', 8, 'alter function ledger.is_suspect(p_data text) security invoker reset all '),
	('function ledger.has_suspect_number(p_data text) runs as its caller', 8, 'alter function ledger.has_suspect_number(p_data text) security invoker reset all '),
	('function ledger.unreadable_number(p_data text) runs as its caller', 8, 'alter function ledger.unreadable_number(p_data text) security invoker reset all '),
	('function ledger.is_deeper(p_data text, p_depth integer) runs as its caller', 8, 'alter function ledger.is_deeper(p_data text, p_depth integer) security invoker reset all '),
	('function ledger.why_unreadable(p_data text) runs as its caller', 8, 'alter function ledger.why_unreadable(p_data text) security invoker reset all '),
	('function ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and jit=off and enable_seqscan=off and plan_cache_mode=force_generic_plan and standard_conforming_strings=on', 8, 'alter function ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) security definer reset all set search_path to pg_catalog, ledger, pg_temp set jit to ''off'' set enable_seqscan to ''off'' set plan_cache_mode to ''force_generic_plan'' set standard_conforming_strings to ''on'''),
	('function ledger.begin_life(p_reason text, p_after uuid) runs as its owner, with search_path=pg_catalog, ledger, pg_temp and lock_timeout=500ms', 8, 'alter function ledger.begin_life(p_reason text, p_after uuid) security definer reset all set search_path to pg_catalog, ledger, pg_temp set lock_timeout to ''500ms'''),
	('function ledger.read_all() runs as its caller', 8, 'alter function ledger.read_all() security invoker reset all ');


--
-- Data for Name: schema_version; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.schema_version VALUES
	(1, '2026-11-24 19:21:23.237798+00');


--
-- Data for Name: sequencer; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.sequencer VALUES
	(true, 237, 2, '909:909:');


--
-- Data for Name: tally; Type: TABLE DATA; Schema: ledger; Owner: -
--

INSERT INTO ledger.tally VALUES
	('default', 'square', 'ready', 1),
	('default', 'nobody-serves-this', 'ready', 1),
	('default', 'square', 'ready', -1),
	('default', 'square', 'running', 1),
	('default', 'square', 'running', -1),
	('default', 'square', 'ready', 1),
	('default', 'square', 'ready', -1),
	('default', 'square', 'running', 1),
	('default', 'square', 'running', -1),
	('default', 'square', 'completed', 1),
	('default', 'second-try', 'ready', 1),
	('default', 'crash', 'ready', 1),
	('default', 'give-up', 'ready', 1),
	('default', 'fail', 'ready', 1),
	('default', 'square', 'ready', 20),
	('default', 'square', 'scheduled', 1),
	('default', 'square', 'scheduled', -1),
	('default', 'square', 'cancelled', 1),
	('default', 'square', 'ready', -18),
	('default', 'square', 'running', 18),
	('default', 'square', 'running', -3),
	('default', 'square', 'completed', 3),
	('default', 'crash', 'ready', -1),
	('default', 'crash', 'running', 1),
	('default', 'fail', 'ready', -1),
	('default', 'fail', 'running', 1),
	('default', 'second-try', 'ready', -1),
	('default', 'second-try', 'running', 1),
	('default', 'square', 'ready', -2),
	('default', 'square', 'running', 2),
	('default', 'give-up', 'ready', -1),
	('default', 'give-up', 'running', 1),
	('default', 'square', 'running', -1),
	('default', 'square', 'completed', 1),
	('default', 'square', 'running', -4),
	('default', 'square', 'completed', 4),
	('default', 'square', 'running', -2),
	('default', 'square', 'completed', 2),
	('default', 'square', 'running', -2),
	('default', 'square', 'completed', 2),
	('default', 'square', 'running', -4),
	('default', 'square', 'completed', 4),
	('default', 'square', 'running', -1),
	('default', 'square', 'completed', 1),
	('default', 'crash', 'running', -1),
	('default', 'crash', 'scheduled', 1),
	('default', 'square', 'running', -3),
	('default', 'square', 'completed', 3),
	('default', 'give-up', 'running', -1),
	('default', 'give-up', 'cancelled', 1);
INSERT INTO ledger.tally VALUES
	('default', 'fail', 'running', -1),
	('default', 'fail', 'failed', 1),
	('default', 'second-try', 'running', -1),
	('default', 'second-try', 'ready', 1),
	('default', 'second-try', 'ready', -1),
	('default', 'second-try', 'running', 1),
	('default', 'second-try', 'running', -1),
	('default', 'second-try', 'completed', 1),
	('default', 'crash', 'ready', 1),
	('default', 'crash', 'scheduled', -1),
	('default', 'crash', 'ready', -1),
	('default', 'crash', 'running', 1),
	('default', 'crash', 'running', -1),
	('default', 'crash', 'failed', 1),
	('default', 'square', 'ready', 1),
	('default', 'square', 'ready', -1),
	('default', 'square', 'running', 1),
	('default', 'square', 'running', -1),
	('default', 'square', 'completed', 1),
	('default', 'fail', 'ready', 1),
	('default', 'fail', 'ready', -1),
	('default', 'fail', 'running', 1),
	('default', 'fail', 'running', -1),
	('default', 'fail', 'failed', 1),
	('default', 'give-up', 'ready', 1),
	('default', 'give-up', 'ready', -1),
	('default', 'give-up', 'running', 1),
	('default', 'give-up', 'running', -1),
	('default', 'give-up', 'failed', 1),
	('default', 'retry-later', 'ready', 1),
	('default', 'second-try', 'ready', 1),
	('default', 'nobody-serves-this', 'ready', 1),
	('default', 'crash', 'ready', 1),
	('default', 'stay', 'ready', 2),
	('default', 'fail', 'ready', 1),
	('default', 'square', 'scheduled', 1),
	('default', 'give-up', 'ready', 1),
	('default', 'square', 'ready', 4),
	('default', 'retry-later', 'ready', 1),
	('default', 'defer', 'ready', 1),
	('default', 'stay', 'ready', -2),
	('default', 'stay', 'running', 2),
	('default', 'fail', 'ready', -1),
	('default', 'fail', 'running', 1),
	('default', 'second-try', 'ready', -1),
	('default', 'second-try', 'running', 1),
	('default', 'retry-later', 'ready', -1),
	('default', 'retry-later', 'running', 1),
	('default', 'square', 'ready', -1),
	('default', 'square', 'running', 1);
INSERT INTO ledger.tally VALUES
	('default', 'crash', 'ready', -1),
	('default', 'crash', 'running', 1),
	('default', 'retry-later', 'running', -1),
	('default', 'retry-later', 'failed', 1),
	('default', 'fail', 'running', -1),
	('default', 'fail', 'failed', 1),
	('default', 'defer', 'ready', -1),
	('default', 'defer', 'running', 1),
	('default', 'retry-later', 'ready', -1),
	('default', 'retry-later', 'running', 1),
	('default', 'square', 'ready', -3),
	('default', 'square', 'running', 3),
	('default', 'give-up', 'ready', -1),
	('default', 'give-up', 'running', 1),
	('default', 'crash', 'running', -1),
	('default', 'crash', 'scheduled', 1),
	('default', 'square', 'running', -1),
	('default', 'square', 'completed', 1),
	('default', 'give-up', 'running', -1),
	('default', 'give-up', 'cancelled', 1),
	('default', 'second-try', 'running', -1),
	('default', 'second-try', 'ready', 1),
	('default', 'defer', 'running', -1),
	('default', 'defer', 'scheduled', 1),
	('default', 'retry-later', 'running', -1),
	('default', 'retry-later', 'scheduled', 1),
	('default', 'second-try', 'ready', -1),
	('default', 'second-try', 'running', 1),
	('default', 'square', 'running', -2),
	('default', 'square', 'completed', 2),
	('default', 'square', 'running', -1),
	('default', 'square', 'completed', 1),
	('default', 'second-try', 'running', -1),
	('default', 'second-try', 'completed', 1),
	('default', 'crash', 'running', -1),
	('default', 'crash', 'failed', 1),
	('default', 'crash', 'ready', 1),
	('default', 'crash', 'scheduled', -1),
	('default', 'crash', 'ready', -1),
	('default', 'crash', 'running', 1);


--
-- Name: processors_number_seq; Type: SEQUENCE SET; Schema: ledger; Owner: -
--

SELECT pg_catalog.setval('ledger.processors_number_seq', 4, true);


--
-- Name: counts counted_once; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.counts
    ADD CONSTRAINT counted_once PRIMARY KEY (namespace, name, standing);


--
-- Name: rights each_right_once; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.rights
    ADD CONSTRAINT each_right_once PRIMARY KEY (what);


--
-- Name: events event_id_is_unique; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.events
    ADD CONSTRAINT event_id_is_unique PRIMARY KEY (id);


--
-- Name: log event_is_in_log_once; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.log
    ADD CONSTRAINT event_is_in_log_once UNIQUE (event_id);


--
-- Name: delegations granted_once; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.delegations
    ADD CONSTRAINT granted_once UNIQUE NULLS NOT DISTINCT (actor, owner);


--
-- Name: leader leader_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.leader
    ADD CONSTRAINT leader_pkey PRIMARY KEY (only_row);


--
-- Name: leftovers left_over_once; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.leftovers
    ADD CONSTRAINT left_over_once PRIMARY KEY (life, txid, event_id);


--
-- Name: limits limits_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (only_row);


--
-- Name: lives lives_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.lives
    ADD CONSTRAINT lives_pkey PRIMARY KEY (life);


--
-- Name: log log_has_one_event_per_number; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.log
    ADD CONSTRAINT log_has_one_event_per_number PRIMARY KEY (seq);


--
-- Name: early_cancels one_early_cancel_per_owner; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.early_cancels
    ADD CONSTRAINT one_early_cancel_per_owner PRIMARY KEY (job_id, owner);


--
-- Name: keys one_job_per_key; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.keys
    ADD CONSTRAINT one_job_per_key PRIMARY KEY (owner, namespace, name, key);


--
-- Name: refusals one_refusal_per_number; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.refusals
    ADD CONSTRAINT one_refusal_per_number PRIMARY KEY (replica_id, replica_seq);


--
-- Name: claims one_row_per_claim; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.claims
    ADD CONSTRAINT one_row_per_claim PRIMARY KEY (processor, claim);


--
-- Name: jobs one_row_per_job; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.jobs
    ADD CONSTRAINT one_row_per_job PRIMARY KEY (job_id);


--
-- Name: processors one_row_per_processor; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.processors
    ADD CONSTRAINT one_row_per_processor PRIMARY KEY (processor);


--
-- Name: processors processor_number_is_unique; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.processors
    ADD CONSTRAINT processor_number_is_unique UNIQUE (number);


--
-- Name: queue queued_once; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.queue
    ADD CONSTRAINT queued_once PRIMARY KEY (job_id);


--
-- Name: replicas replicas_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (replica_id);


--
-- Name: schema_version schema_version_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (version);


--
-- Name: sequencer sequencer_pkey; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.sequencer
    ADD CONSTRAINT sequencer_pkey PRIMARY KEY (only_row);


--
-- Name: replica_turns told_once; Type: CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.replica_turns
    ADD CONSTRAINT told_once PRIMARY KEY (replica_id, what, at, life);


--
-- Name: events_by_job; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX events_by_job ON ledger.events USING btree (job_id);


--
-- Name: events_by_transaction; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX events_by_transaction ON ledger.events USING btree (life, txid);


--
-- Name: failures_by_job; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX failures_by_job ON ledger.events USING btree (job_id) WHERE (type = 'job.failed'::text);


--
-- Name: jobs_by_key; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX jobs_by_key ON ledger.jobs USING btree (owner, namespace, name, key, seq) WHERE (key IS NOT NULL);


--
-- Name: jobs_by_owner; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX jobs_by_owner ON ledger.jobs USING btree (owner, job_id);


--
-- Name: log_by_owner; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX log_by_owner ON ledger.log USING btree (owner, seq);


--
-- Name: one_request_per_job; Type: INDEX; Schema: ledger; Owner: -
--

CREATE UNIQUE INDEX one_request_per_job ON ledger.events USING btree (job_id) WHERE (type = 'job.requested'::text);


--
-- Name: processors_alive; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX processors_alive ON ledger.processors USING btree (number) WHERE ((stopped_at IS NULL) AND (lost_at IS NULL));


--
-- Name: queue_expiring; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX queue_expiring ON ledger.queue USING btree (expires_at) WHERE (expires_at IS NOT NULL);


--
-- Name: queue_ready; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX queue_ready ON ledger.queue USING btree (namespace, name, priority DESC, seq) WHERE (run_at IS NULL);


--
-- Name: queue_waiting; Type: INDEX; Schema: ledger; Owner: -
--

CREATE INDEX queue_waiting ON ledger.queue USING btree (run_at) WHERE (run_at IS NOT NULL);


--
-- Name: events announce_events; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER announce_events AFTER INSERT ON ledger.events REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.announce_events();


--
-- Name: events events_are_append_only; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER events_are_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.events FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();


--
-- Name: log log_is_append_only; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER log_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.log FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();


--
-- Name: refusals refusals_are_append_only; Type: TRIGGER; Schema: ledger; Owner: -
--

CREATE TRIGGER refusals_are_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.refusals FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();


--
-- Name: sequencer sequencer_life_fkey; Type: FK CONSTRAINT; Schema: ledger; Owner: -
--

ALTER TABLE ONLY ledger.sequencer
    ADD CONSTRAINT sequencer_life_fkey FOREIGN KEY (life) REFERENCES ledger.lives(life);


--
-- Name: events; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.events ENABLE ROW LEVEL SECURITY;

--
-- Name: jobs; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.jobs ENABLE ROW LEVEL SECURITY;

--
-- Name: log; Type: ROW SECURITY; Schema: ledger; Owner: -
--

ALTER TABLE ledger.log ENABLE ROW LEVEL SECURITY;

--
-- Name: events readers_see_all; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY readers_see_all ON ledger.events FOR SELECT USING (ledger.read_all());


--
-- Name: jobs readers_see_all; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY readers_see_all ON ledger.jobs FOR SELECT USING (ledger.read_all());


--
-- Name: log readers_see_all; Type: POLICY; Schema: ledger; Owner: -
--

CREATE POLICY readers_see_all ON ledger.log FOR SELECT USING (ledger.read_all());


--
-- Name: SCHEMA ledger; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA ledger TO ledger_client;
GRANT USAGE ON SCHEMA ledger TO ledger_processor;
GRANT USAGE ON SCHEMA ledger TO ledger_auditor;
GRANT USAGE ON SCHEMA ledger TO ledger_operator;


--
-- Name: FUNCTION admit(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.admit(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) FROM PUBLIC;


--
-- Name: FUNCTION admit_one_by_one(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.admit_one_by_one(p_owner text, p_actor text, p_replica uuid, p_before bigint, p_ids text[], p_job_ids text[], p_types text[], p_versions integer[], p_occurred_at text[], p_correlation_ids text[], p_causation_ids text[], p_data text[]) FROM PUBLIC;


--
-- Name: FUNCTION all_match(p_texts text[], p_pattern text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.all_match(p_texts text[], p_pattern text) FROM PUBLIC;


--
-- Name: FUNCTION announce_events(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.announce_events() FROM PUBLIC;


--
-- Name: FUNCTION apply_cancels(p_after bigint, p_upto bigint); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.apply_cancels(p_after bigint, p_upto bigint) FROM PUBLIC;


--
-- Name: FUNCTION are_times(p_texts text[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.are_times(p_texts text[]) FROM PUBLIC;


--
-- Name: FUNCTION are_uuids(p_texts text[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.are_uuids(p_texts text[]) FROM PUBLIC;


--
-- Name: FUNCTION as_uuid(p_text text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.as_uuid(p_text text) FROM PUBLIC;


--
-- Name: FUNCTION beat(p_processor uuid, p_beats bigint, p_loop_still interval); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.beat(p_processor uuid, p_beats bigint, p_loop_still interval) TO ledger_processor;


--
-- Name: FUNCTION begin_life(p_reason text, p_after uuid); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.begin_life(p_reason text, p_after uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.begin_life(p_reason text, p_after uuid) TO ledger_operator;


--
-- Name: FUNCTION claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) TO ledger_processor;


--
-- Name: FUNCTION completed_steps(p_job_ids uuid[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.completed_steps(p_job_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.completed_steps(p_job_ids uuid[]) TO ledger_processor;


--
-- Name: FUNCTION current_life(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.current_life() FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.current_life() TO ledger_processor;
GRANT ALL ON FUNCTION ledger.current_life() TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.current_life() TO ledger_operator;


--
-- Name: FUNCTION delegate(p_actor text, p_owner text, p_may boolean); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.delegate(p_actor text, p_owner text, p_may boolean) FROM PUBLIC;


--
-- Name: FUNCTION end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.end_of_log(OUT epoch uuid, OUT last_seq bigint, OUT event_id uuid) TO ledger_processor;


--
-- Name: FUNCTION ensure_life(p_epoch uuid, p_seq bigint, p_event uuid); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.ensure_life(p_epoch uuid, p_seq bigint, p_event uuid) TO ledger_processor;


--
-- Name: FUNCTION expire_jobs(p_limit integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.expire_jobs(p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION find_cancelled(p_processor uuid, p_job_ids uuid[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.find_cancelled(p_processor uuid, p_job_ids uuid[]) TO ledger_processor;


--
-- Name: FUNCTION find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.find_lost(p_silent uuid[], p_beats bigint[], p_overdue boolean[]) TO ledger_processor;


--
-- Name: FUNCTION forget_claims(p_processor uuid, p_claims uuid[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.forget_claims(p_processor uuid, p_claims uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.forget_claims(p_processor uuid, p_claims uuid[]) TO ledger_processor;


--
-- Name: FUNCTION has_suspect_number(p_data text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.has_suspect_number(p_data text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.has_suspect_number(p_data text) TO ledger_processor;
GRANT ALL ON FUNCTION ledger.has_suspect_number(p_data text) TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.has_suspect_number(p_data text) TO ledger_operator;


--
-- Name: FUNCTION hint(p_channel text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.hint(p_channel text) FROM PUBLIC;


--
-- Name: FUNCTION identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) TO ledger_processor;
GRANT ALL ON FUNCTION ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.identity(OUT system_identifier bigint, OUT timeline integer, OUT database_oid oid) TO ledger_operator;


--
-- Name: FUNCTION insist_on_few_lives(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.insist_on_few_lives() FROM PUBLIC;


--
-- Name: FUNCTION insist_on_read_committed(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.insist_on_read_committed() FROM PUBLIC;


--
-- Name: FUNCTION is_deeper(p_data text, p_depth integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.is_deeper(p_data text, p_depth integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.is_deeper(p_data text, p_depth integer) TO ledger_processor;
GRANT ALL ON FUNCTION ledger.is_deeper(p_data text, p_depth integer) TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.is_deeper(p_data text, p_depth integer) TO ledger_operator;


--
-- Name: FUNCTION is_processors_lock(p_number integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.is_processors_lock(p_number integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.is_processors_lock(p_number integer) TO ledger_processor;


--
-- Name: FUNCTION is_suspect(p_data text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.is_suspect(p_data text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.is_suspect(p_data text) TO ledger_processor;
GRANT ALL ON FUNCTION ledger.is_suspect(p_data text) TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.is_suspect(p_data text) TO ledger_operator;


--
-- Name: FUNCTION is_time(p_text text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.is_time(p_text text) FROM PUBLIC;


--
-- Name: FUNCTION place_of_number(p_data json); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.place_of_number(p_data json) FROM PUBLIC;


--
-- Name: FUNCTION unreadable_number(p_data text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.unreadable_number(p_data text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.unreadable_number(p_data text) TO ledger_processor;
GRANT ALL ON FUNCTION ledger.unreadable_number(p_data text) TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.unreadable_number(p_data text) TO ledger_operator;


--
-- Name: TABLE limits; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.limits TO ledger_client;
GRANT SELECT ON TABLE ledger.limits TO ledger_processor;
GRANT SELECT ON TABLE ledger.limits TO ledger_auditor;
GRANT SELECT,UPDATE ON TABLE ledger.limits TO ledger_operator;


--
-- Name: FUNCTION judge(p_type text, p_v integer, p_data text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.judge(p_type text, p_v integer, p_data text) FROM PUBLIC;


--
-- Name: FUNCTION keep_commits_durable(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.keep_commits_durable() FROM PUBLIC;


--
-- Name: FUNCTION lead(p_holder uuid); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.lead(p_holder uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.lead(p_holder uuid) TO ledger_processor;


--
-- Name: FUNCTION lock_class(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.lock_class() FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.lock_class() TO ledger_processor;
GRANT ALL ON FUNCTION ledger.lock_class() TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.lock_class() TO ledger_operator;


--
-- Name: FUNCTION new_id(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.new_id() FROM PUBLIC;


--
-- Name: FUNCTION note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.note_turn(p_owner text, p_replica uuid, p_what text, p_at bigint, p_life smallint, p_data json) FROM PUBLIC;


--
-- Name: FUNCTION nth_id(p_first uuid, p_n bigint); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.nth_id(p_first uuid, p_n bigint) FROM PUBLIC;


--
-- Name: FUNCTION owner_for(p_on_behalf_of text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.owner_for(p_on_behalf_of text) FROM PUBLIC;


--
-- Name: FUNCTION pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.pull(after_seq bigint, known_epoch uuid, max_events integer, on_behalf_of text) TO ledger_client;


--
-- Name: FUNCTION push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.push(replica_id uuid, base_seq bigint, ids text[], job_ids text[], types text[], versions integer[], occurred_at text[], correlation_ids text[], causation_ids text[], data text[], on_behalf_of text) TO ledger_client;


--
-- Name: FUNCTION read_all(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.read_all() FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.read_all() TO ledger_processor;
GRANT ALL ON FUNCTION ledger.read_all() TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.read_all() TO ledger_operator;


--
-- Name: FUNCTION record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.record(p_processor uuid, p_ids uuid[], p_job_ids uuid[], p_attempts integer[], p_types text[], p_occurred_at timestamp with time zone[], p_data text[]) TO ledger_processor;


--
-- Name: FUNCTION refuse_change(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.refuse_change() FROM PUBLIC;


--
-- Name: FUNCTION refuse_record(p_why text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.refuse_record(p_why text) FROM PUBLIC;


--
-- Name: FUNCTION refuse_unreadable(p_data text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.refuse_unreadable(p_data text) FROM PUBLIC;


--
-- Name: FUNCTION register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.register_processor(p_processor uuid, p_host text, p_pid integer, p_namespaces text[], p_names text[]) TO ledger_processor;


--
-- Name: FUNCTION release_jobs(p_limit integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.release_jobs(p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION sequence(p_limit integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.sequence(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.sequence(p_limit integer) TO ledger_processor;


--
-- Name: FUNCTION sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.sequence_and_claim(p_processor uuid, p_claim uuid, p_namespaces text[], p_names text[], p_limit integer) TO ledger_processor;


--
-- Name: FUNCTION snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.snapshot_after(p_then pg_snapshot, p_now pg_snapshot, p_cut xid8) FROM PUBLIC;


--
-- Name: FUNCTION stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.stand_for_leader(p_candidate uuid, p_host text, p_pid integer, p_silent_turn bigint) TO ledger_processor;


--
-- Name: FUNCTION stop_processor(p_processor uuid); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.stop_processor(p_processor uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.stop_processor(p_processor uuid) TO ledger_processor;


--
-- Name: FUNCTION submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) TO ledger_client;
GRANT ALL ON FUNCTION ledger.submit(name text, params json, namespace text, priority integer, run_at timestamp with time zone, limits json, key text, labels json, job_id uuid, on_behalf_of text) TO ledger_operator;


--
-- Name: FUNCTION sum_tally(); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.sum_tally() FROM PUBLIC;


--
-- Name: FUNCTION why_unreadable(p_data text); Type: ACL; Schema: ledger; Owner: -
--

REVOKE ALL ON FUNCTION ledger.why_unreadable(p_data text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.why_unreadable(p_data text) TO ledger_processor;
GRANT ALL ON FUNCTION ledger.why_unreadable(p_data text) TO ledger_auditor;
GRANT ALL ON FUNCTION ledger.why_unreadable(p_data text) TO ledger_operator;


--
-- Name: TABLE claims; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.claims TO ledger_processor;
GRANT SELECT ON TABLE ledger.claims TO ledger_auditor;
GRANT SELECT ON TABLE ledger.claims TO ledger_operator;


--
-- Name: TABLE counts; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.counts TO ledger_processor;
GRANT SELECT ON TABLE ledger.counts TO ledger_auditor;
GRANT SELECT ON TABLE ledger.counts TO ledger_operator;


--
-- Name: TABLE delegations; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.delegations TO ledger_processor;
GRANT SELECT ON TABLE ledger.delegations TO ledger_auditor;
GRANT SELECT ON TABLE ledger.delegations TO ledger_operator;


--
-- Name: TABLE early_cancels; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.early_cancels TO ledger_processor;
GRANT SELECT ON TABLE ledger.early_cancels TO ledger_auditor;
GRANT SELECT ON TABLE ledger.early_cancels TO ledger_operator;


--
-- Name: TABLE events; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.events TO ledger_processor;
GRANT SELECT ON TABLE ledger.events TO ledger_auditor;
GRANT SELECT ON TABLE ledger.events TO ledger_operator;


--
-- Name: TABLE jobs; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.jobs TO ledger_processor;
GRANT SELECT ON TABLE ledger.jobs TO ledger_auditor;
GRANT SELECT ON TABLE ledger.jobs TO ledger_operator;


--
-- Name: TABLE keys; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.keys TO ledger_processor;
GRANT SELECT ON TABLE ledger.keys TO ledger_auditor;
GRANT SELECT ON TABLE ledger.keys TO ledger_operator;


--
-- Name: TABLE leader; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.leader TO ledger_processor;
GRANT SELECT ON TABLE ledger.leader TO ledger_auditor;
GRANT SELECT ON TABLE ledger.leader TO ledger_operator;


--
-- Name: TABLE leftovers; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.leftovers TO ledger_processor;
GRANT SELECT ON TABLE ledger.leftovers TO ledger_auditor;
GRANT SELECT ON TABLE ledger.leftovers TO ledger_operator;


--
-- Name: TABLE lives; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.lives TO ledger_processor;
GRANT SELECT ON TABLE ledger.lives TO ledger_auditor;
GRANT SELECT ON TABLE ledger.lives TO ledger_operator;


--
-- Name: TABLE log; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.log TO ledger_processor;
GRANT SELECT ON TABLE ledger.log TO ledger_auditor;
GRANT SELECT ON TABLE ledger.log TO ledger_operator;


--
-- Name: TABLE my_jobs; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.my_jobs TO ledger_client;
GRANT SELECT ON TABLE ledger.my_jobs TO ledger_processor;
GRANT SELECT ON TABLE ledger.my_jobs TO ledger_auditor;
GRANT SELECT ON TABLE ledger.my_jobs TO ledger_operator;


--
-- Name: TABLE processors; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.processors TO ledger_processor;
GRANT SELECT ON TABLE ledger.processors TO ledger_auditor;
GRANT SELECT ON TABLE ledger.processors TO ledger_operator;


--
-- Name: TABLE queue; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.queue TO ledger_processor;
GRANT SELECT ON TABLE ledger.queue TO ledger_auditor;
GRANT SELECT ON TABLE ledger.queue TO ledger_operator;


--
-- Name: TABLE refusals; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.refusals TO ledger_processor;
GRANT SELECT ON TABLE ledger.refusals TO ledger_auditor;
GRANT SELECT ON TABLE ledger.refusals TO ledger_operator;


--
-- Name: TABLE replica_turns; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.replica_turns TO ledger_processor;
GRANT SELECT ON TABLE ledger.replica_turns TO ledger_auditor;
GRANT SELECT ON TABLE ledger.replica_turns TO ledger_operator;


--
-- Name: TABLE replicas; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.replicas TO ledger_processor;
GRANT SELECT ON TABLE ledger.replicas TO ledger_auditor;
GRANT SELECT ON TABLE ledger.replicas TO ledger_operator;


--
-- Name: TABLE rights; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.rights TO ledger_processor;
GRANT SELECT ON TABLE ledger.rights TO ledger_auditor;
GRANT SELECT ON TABLE ledger.rights TO ledger_operator;


--
-- Name: TABLE rights_found; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.rights_found TO ledger_processor;
GRANT SELECT ON TABLE ledger.rights_found TO ledger_auditor;
GRANT SELECT ON TABLE ledger.rights_found TO ledger_operator;


--
-- Name: TABLE schema_version; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.schema_version TO ledger_processor;
GRANT SELECT ON TABLE ledger.schema_version TO ledger_auditor;
GRANT SELECT ON TABLE ledger.schema_version TO ledger_operator;


--
-- Name: TABLE sequencer; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.sequencer TO ledger_processor;
GRANT SELECT ON TABLE ledger.sequencer TO ledger_auditor;
GRANT SELECT ON TABLE ledger.sequencer TO ledger_operator;


--
-- Name: TABLE tally; Type: ACL; Schema: ledger; Owner: -
--

GRANT SELECT ON TABLE ledger.tally TO ledger_processor;
GRANT SELECT ON TABLE ledger.tally TO ledger_auditor;
GRANT SELECT ON TABLE ledger.tally TO ledger_operator;


--
-- PostgreSQL database dump complete
--


