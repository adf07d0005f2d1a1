-- Version 2: refusals are found by their job, however many there are. And the version stands in user_version only: what
-- sqlite-utils wrote down beside it is taken away (see forget_second_record in upgrade.py).

drop trigger if exists replica_stays;
drop trigger if exists replica_is_one;
drop trigger if exists replica_keeps_its_owner;
drop trigger if exists replica_remembers_what_left;
drop trigger if exists replica_history_is_only_added;
drop trigger if exists replica_history_stays;
drop trigger if exists replica_history_never_changes;
drop trigger if exists events_are_only_added;
drop trigger if exists own_requests_are_valid;
drop trigger if exists events_never_change;
drop trigger if exists events_never_go;
drop trigger if exists own_events_take_effect;
drop trigger if exists judged_requests_are_appended;
drop trigger if exists only_what_the_server_holds_leaves;
drop trigger if exists compaction_takes_effect;
drop view if exists next_number;
drop view if exists deep_events;
drop view if exists judged_requests;
drop view if exists shown_jobs;
drop view if exists compactable_jobs;

create index refusals_by_job on refusals (job_id);
