-- Alerts leave when they have been over for long (M12), and organisations that are older than alert rules get the one
-- that new ones begin with (M15).

-- Resolved alerts by their end: the oldest leave.
create index alerts_resolved_by_time on alerts (resolved_at) where status = 'resolved';

-- As `addDefaultRule` writes it. An organisation that came later had one, and has deleted it.
insert into alert_rules (id, organisation_id, name, selector, condition, quorum, severity, is_enabled)
select
  -- UUIDv7 (RFC 9562): 48 bits of milliseconds in front of a random UUID, whose version 4 becomes 7.
  encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(floor(extract(epoch from now()) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid,
  organisations.id, 'No answer', '{"kind": "all"}',
  '{"kind": "missed", "missed": 3, "of": 3, "recovery": {"successes": 2}}', 1, 'critical', true
from organisations
where created_at < (select applied_at from schema_migrations where name = '000009_alerts')
  and not exists (select from alert_rules where organisation_id = organisations.id);
