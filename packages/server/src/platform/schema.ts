// The tables as Kysely sees them; follows migrations/.
import type {
  AlertCondition,
  AlertKind,
  AlertLocation,
  AlertResolution,
  AlertSeverity,
  AlertStatus,
  AlertSuppression,
  EvidenceFindings,
  EvidenceState,
  JobSelector,
  MailKind,
  MailStatus,
  MaintenanceSchedule,
  Series,
  Summary,
} from "@nightbell/contract";
import type { ColumnType, Generated } from "kysely";

type Instant = ColumnType<Date, Date | string | undefined, Date | string>;
type NullableInstant = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
type Json<T> = ColumnType<T, string, string>;

interface SampleColumns {
  slot: number;
  job_no: number;
  location_no: number;
  status: number;
  rtt_us: number | null;
  jitter_us: number | null;
  lateness_us: number;
  sequence_number: number;
  recorded_at: Date;
  error_code: string | null;
  error: string | null;
  phases: Record<string, number> | null;
}

interface ChunkColumns {
  first_slot: number;
  last_slot: number;
  first_sequence: number;
  rtt_sum_us: number;
  job_no: number;
  step_ms: number;
  rtt_min_us: number | null;
  rtt_max_us: number | null;
  location_no: number;
  sample_count: number;
  missed_count: number;
  system_error_count: number;
  measures: Buffer;
  details: Buffer;
  phases: Buffer | null;
}

interface RollupColumns {
  from_slot: number;
  job_no: number;
  location_no: number;
  /** Blocks, as the migration describes them. */
  buckets: number[];
}

/** What every table of work has; written by lease.ts. */
interface WorkColumns {
  id: string;
  due_at: NullableInstant;
  lease_owner: string | null;
  lease_until: NullableInstant;
  fencing_token: Generated<number>;
  attempt: Generated<number>;
}

export interface Database {
  organisations: { id: string; name: string; created_at: Instant };
  users: {
    id: string;
    email: string;
    name: string;
    password_hash: string;
    time_zone: Generated<string>;
    skills: Generated<string[]>;
    is_test_account: Generated<boolean>;
    completion_emails: Generated<boolean>;
    created_at: Instant;
    updated_at: Instant;
  };
  memberships: { organisation_id: string; user_id: string; role: string; created_at: Instant };
  sessions: {
    id: string;
    token_hash: Buffer;
    user_id: string;
    organisation_id: string;
    created_at: Instant;
    expires_at: Instant;
    address: string | null;
    user_agent: string | null;
    last_used_at: Generated<Date>;
  };
  api_keys: {
    id: string;
    organisation_id: string;
    user_id: string;
    name: string;
    role: string;
    token_hash: Buffer;
    created_at: Instant;
    expires_at: Date | null;
    last_used_at: Date | null;
  };
  locations: { location_no: Generated<number>; organisation_id: string | null; name: string };
  poller_tokens: {
    id: string;
    organisation_id: string;
    location_no: number;
    name: string;
    token_hash: Buffer;
    created_by: string | null;
    created_at: Instant;
    last_used_at: NullableInstant;
  };
  pollers: {
    id: string;
    location_no: number;
    name: string;
    kind: string;
    state: string;
    lease_until: Instant;
    started_at: Instant;
    died_at: NullableInstant;
    buckets: Buffer | null;
    replica_count: number | null;
    replica_id: number | null;
    token_id: string | null;
    stats: Json<Record<string, unknown>>;
  };
  jobs: {
    id: string;
    job_no: Generated<number>;
    organisation_id: string;
    requester_id: string | null;
    title: string;
    type: string;
    target: string;
    options: Json<Record<string, unknown>>;
    cadence_ms: number;
    duration_seconds: number | null;
    key: string | null;
    managed_by: string | null;
    monitoring_mode: string;
    simulation: Json<Record<string, unknown>>;
    locations: string[];
    thresholds: Json<Record<string, unknown>>;
    status: string;
    version: Generated<number>;
    changed_xid: ColumnType<string, never, never>;
    created_at: Instant;
    updated_at: Instant;
    started_at: NullableInstant;
    ends_at: NullableInstant;
    completed_at: NullableInstant;
  };
  job_summaries: WorkColumns & { summary: Json<Summary> | null; series: Json<Series> | null };
  mails: WorkColumns & {
    job_id: string;
    kind: MailKind;
    recipient: string;
    status: Generated<MailStatus>;
    message_id: string | null;
    last_error: string | null;
    created_at: Instant;
    sent_at: NullableInstant;
  };
  job_texts: { job_no: number; organisation_id: string; text: string };
  idempotency_keys: {
    organisation_id: string;
    key: string;
    request_hash: Buffer;
    job_ids: string[];
    expires_at: Instant;
  };
  heartbeats: {
    job_no: number;
    token_hash: Buffer;
    token_created_at: Instant;
    last_at: NullableInstant;
    last_kind: string | null;
    last_duration_ms: number | null;
    last_message: string | null;
  };
  deleted_jobs: {
    job_no: number;
    organisation_id: string | null;
    changed_xid: ColumnType<string, never, never>;
    deleted_at: Instant;
  };
  job_grids: {
    job_no: number;
    from_slot: number;
    to_slot: number | null;
    cadence_ms: number;
    first_sequence: number;
    location_count: number;
  };
  samples: SampleColumns;
  late_samples: SampleColumns;
  sample_hours: {
    hour_slot: number;
    state: "chunking" | "chunked";
    packed_job_no: Generated<number>;
    packed_location_no: Generated<number>;
    chunked_at: NullableInstant;
    has_partition: Generated<boolean>;
    has_interim: Generated<boolean>;
  };
  sample_chunks: ChunkColumns;
  interim_chunks: ChunkColumns;
  rollups_5m: RollupColumns;
  rollups_1h: RollupColumns;
  rollups_1d: RollupColumns;
  rollup_hours: { hour_slot: number; version: Generated<number>; built_version: number | null };
  rollup_days: { day_slot: number; is_due: Generated<boolean>; is_built: Generated<boolean> };
  ended_jobs: { job_no: number; ended_at: Instant };
  stray_replies: {
    hour_slot: number;
    job_no: number;
    location_no: number;
    duplicate_count: Generated<number>;
    late_count: Generated<number>;
  };
  alert_rules: {
    id: string;
    organisation_id: string;
    name: string;
    selector: Json<JobSelector>;
    condition: Json<AlertCondition>;
    quorum: number | null;
    severity: AlertSeverity;
    is_enabled: boolean;
    version: Generated<number>;
    changed_xid: ColumnType<string, never, never>;
    created_at: Instant;
    updated_at: Instant;
  };
  alert_conditions: {
    rule_id: string;
    job_no: number;
    locations: ColumnType<unknown[], string | undefined, string>;
  };
  alerts: {
    id: string;
    organisation_id: string | null;
    kind: AlertKind;
    status: AlertStatus;
    severity: AlertSeverity;
    title: string;
    rule_id: string | null;
    rule_name: string | null;
    job_id: string | null;
    job_no: number | null;
    job_title: string | null;
    self_key: string | null;
    locations: ColumnType<AlertLocation[], string | undefined, string>;
    suppression: ColumnType<AlertSuppression | null, string | null | undefined, string | null>;
    started_at: Instant;
    opened_at: Instant;
    resolved_at: NullableInstant;
    resolution: AlertResolution | null;
  };
  alert_events: { id: Generated<number>; alert_id: string; at: Instant; kind: string; text: string };
  alert_evidence: {
    id: string;
    alert_id: string;
    job_no: number;
    location_no: number;
    state: ColumnType<EvidenceState, EvidenceState | undefined, EvidenceState>;
    urgency: number;
    requested_at: ColumnType<Date, Date | undefined, Date>;
    due_at: NullableInstant;
    lease_owner: string | null;
    lease_until: NullableInstant;
    fencing_token: Generated<number>;
    attempt: Generated<number>;
    ended_at: NullableInstant;
    text: string | null;
    findings: ColumnType<EvidenceFindings | null, string | null | undefined, string | null>;
  };
  maintenance_windows: {
    id: string;
    organisation_id: string;
    name: string;
    selector: Json<JobSelector>;
    schedule: Json<MaintenanceSchedule>;
    is_enabled: boolean;
    version: Generated<number>;
    created_at: Instant;
    updated_at: Instant;
  };
  job_parents: { job_no: number; parent_no: number };
}
