-- Jobs that were requested before know their parent, what they repeat, what they belong to, and their labels.
-- in batches

with batch as (
    select j.job_id from ledger.jobs j
    where j.job_id > coalesce((select (v.unfinished ->> '0002_origin_of_old_jobs')::uuid from ledger.schema_version v where v.version = 2),
                              '00000000-0000-0000-0000-000000000000')
    order by j.job_id limit 2000
), told as (
    select b.job_id, r.parent, r.retry_of, e.correlation_id, nullif(r.labels, '{}') as labels
    from batch b
    join ledger.events e on e.job_id = b.job_id and e.type = 'job.requested'
    cross join lateral json_to_record(e.data) r (parent uuid, retry_of uuid, labels jsonb)
), held as (
    select t.* from told t join ledger.jobs j on j.job_id = t.job_id
    where coalesce(t.parent, t.retry_of, t.correlation_id) is not null or t.labels is not null
    order by t.job_id for no key update of j
), filled as (
    update ledger.jobs j
    set parent = h.parent, retry_of = h.retry_of, correlation_id = h.correlation_id, labels = h.labels
    from held h where j.job_id = h.job_id
)
update ledger.schema_version v
set unfinished = v.unfinished || jsonb_build_object('0002_origin_of_old_jobs', (select b.job_id from batch b order by b.job_id desc limit 1))
where v.version = 2 and exists (select from batch);
