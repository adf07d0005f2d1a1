-- What comes next has its place in the tables.
-- oldest code: 1
-- locks: ledger.schema_version, ledger.events

alter table ledger.schema_version add column oldest_code integer;
update ledger.schema_version set oldest_code = version;
alter table ledger.schema_version
    alter oldest_code set not null, add constraint code_is_not_newer_than_its_schema check (oldest_code <= version);
comment on table ledger.schema_version is 'Which versions of this file were installed, and when.';
comment on column ledger.schema_version.oldest_code is
    'Code that was made for this version of the schema, or for a later one, may still use it: older code has to be upgraded first.';
