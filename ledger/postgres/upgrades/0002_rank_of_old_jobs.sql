-- Jobs that waited before have a rank, and a reason.
-- in batches

update ledger.queue q
set rank = q.seq,
    reason = case when q.run_at is not null then
                 case when (select e.type from ledger.events e
                            where e.job_id = q.job_id and e.type in ('attempt.failed', 'attempt.deferred', 'attempt.lost')
                            order by e.recorded_at desc limit 1) in ('attempt.failed', 'attempt.lost') then 'retrying' else 'due' end
             end
where q.job_id in (select w.job_id from ledger.queue w where w.rank is null limit 5000 for update skip locked);
