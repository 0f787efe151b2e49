-- Keys for programs: each acts for its maker, with the role it was given or the maker's own, whichever is lower.
create table api_keys (
  id uuid primary key,
  organisation_id uuid not null,
  user_id uuid not null,
  name text not null,
  role text not null check (role in ('owner', 'admin', 'responder', 'viewer')),
  token_hash bytea not null unique, -- SHA-256; the key itself is kept nowhere
  created_at timestamptz not null default now(),
  expires_at timestamptz, -- null: never
  last_used_at timestamptz,
  foreign key (user_id, organisation_id) references memberships (user_id, organisation_id) on delete cascade
);
-- The list of a person in an organisation, and those that leave with a membership.
create index api_keys_by_user on api_keys (user_id, organisation_id, created_at, id);
