// A job as the database keeps it, and as the API shows it.
import {
  hideSent,
  type Job,
  type JobStatus,
  type JobType,
  type MonitoringMode,
  type Role,
  type Simulation,
  type Thresholds,
} from "@nightbell/contract";
import { includesRole } from "../../platform/http/access.js";
import type { JobState } from "./rules.js";
import type { Grid } from "./grid.js";

export interface JobRow {
  id: string;
  /** Stands for the id in samples and grids. */
  job_no: number;
  organisation_id: string;
  requester_id: string | null;
  requester_name: string | null;
  key: string | null;
  managed_by: string | null;
  title: string;
  type: JobType;
  target: string;
  options: Record<string, unknown>;
  cadence_ms: number;
  duration_seconds: number | null;
  monitoring_mode: MonitoringMode;
  simulation: Simulation;
  locations: string[];
  thresholds: Thresholds;
  status: JobStatus;
  version: number;
  created_at: Date;
  updated_at: Date;
  started_at: Date | null;
  ends_at: Date | null;
  completed_at: Date | null;
}

/** The lowest role that may edit jobs, and read back what their probes send. */
export const EDITOR: Role = "responder";

/** As a member of that role may read it. */
export function jobToApi(row: JobRow, role: Role): Job {
  const job = wholeJob(row);
  return includesRole(role, EDITOR) ? job : { ...job, options: hideSent(job.options) };
}

export function wholeJob(row: JobRow): Job {
  return {
    id: row.id,
    key: row.key,
    managedBy: row.managed_by,
    title: row.title,
    type: row.type,
    target: row.target,
    options: row.options,
    cadenceSeconds: row.cadence_ms / 1_000,
    durationSeconds: row.duration_seconds,
    monitoringMode: row.monitoring_mode,
    simulation: row.simulation,
    locations: row.locations,
    thresholds: row.thresholds,
    status: row.status,
    requester:
      row.requester_id === null || row.requester_name === null
        ? null
        : { id: row.requester_id, name: row.requester_name },
    version: row.version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endsAt: row.ends_at?.toISOString() ?? null,
    completedAt: row.completed_at?.toISOString() ?? null,
  };
}

export function stateOf(row: JobRow, grid: Grid | null): JobState {
  return {
    id: row.id,
    status: row.status,
    cadenceMs: row.cadence_ms,
    durationSeconds: row.duration_seconds,
    startedAt: row.started_at?.getTime() ?? null,
    endsAt: row.ends_at?.getTime() ?? null,
    grid,
  };
}
