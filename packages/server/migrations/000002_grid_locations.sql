-- From how many locations a stretch of a job's grid is measured: what a window of the past should hold does not change
-- with a later edit. Stretches from before this migration are given what their job has today.
alter table job_grids add column location_count smallint;
update job_grids set location_count = cardinality(jobs.locations) from jobs where jobs.job_no = job_grids.job_no;
alter table job_grids alter column location_count set not null, add check (location_count > 0);
