-- The addresses of a fleet begin alike, and a number in a title often begins as they do: `host 12` beside 127.0.0.1. Behind
-- a sign of its own a target is no word of the title, so that a search for such a number finds few candidates.
create or replace function jobs_note_text() returns trigger language plpgsql as $$
begin
  insert into job_texts (job_no, organisation_id, text)
  values (new.job_no, new.organisation_id, searchable(new.title || E'\n_' || new.target))
  on conflict (job_no) do update set text = excluded.text;
  return null;
end $$;

update job_texts set text = searchable(title || E'\n_' || target) from jobs where jobs.job_no = job_texts.job_no;
