-- What people see of their sessions: from where each was opened, and when it was last used.
alter table sessions
  add column address text, -- as the API saw it
  add column user_agent text,
  add column last_used_at timestamptz;
update sessions set last_used_at = created_at;
alter table sessions alter column last_used_at set not null, alter column last_used_at set default now();

-- The list of a person's sessions, in whatever organisation; and those that leave with a membership.
drop index sessions_by_user;
create index sessions_by_user on sessions (user_id, created_at, id);
