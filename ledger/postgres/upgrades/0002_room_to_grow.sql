-- What comes next has its place in the tables.
-- oldest code: 1
-- locks: ledger.schema_version, ledger.events, ledger.leader

alter table ledger.schema_version add column oldest_code integer;
update ledger.schema_version set oldest_code = version;
alter table ledger.schema_version
    alter oldest_code set not null, add constraint code_is_not_newer_than_its_schema check (oldest_code <= version);
comment on table ledger.schema_version is 'Which versions of this file were installed, and when.';
comment on column ledger.schema_version.oldest_code is
    'Code that was made for this version of the schema, or for a later one, may still use it: older code has to be upgraded first.';

alter table ledger.leader add column failing json not null default '{}';
comment on table ledger.leader is
    'Which processor has the common duties. Renewed each second from where they are done; unlogged, so that no commit waits for the
     disk, and empty after a crash, when nobody leads either.';
comment on column ledger.leader.failing is 'Its duties that fail now: for each its name, how often in a row, since when, and the last error.';
