-- Jobs as code (M20): a job's name in the files that describe it, and the set of files that made it.
alter table jobs
  add column key text check (length(key) between 1 and 200),
  add column managed_by text check (length(managed_by) between 1 and 50); -- null: made by hand, never pruned
create unique index jobs_by_key on jobs (organisation_id, key) where key is not null;
create index jobs_by_set on jobs (organisation_id, managed_by) where managed_by is not null;
