/**
 * The words of nbflow's REST API and change stream: the dataclasses of `nbflow.model` field for
 * field, and the shapes made for REST. Made by `python -m nbflow_jupyter.wire --write`.
 */

/** The version of nbflow these words belong to; a server of another version is named as such. */
export const VERSION = '0.1.0';

/** ISO 8601 with offset, UTC. */
export type Instant = string;

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export type Parameters = { [name: string]: Json };

export type StateType =
  | 'SCHEDULED'
  | 'PENDING'
  | 'RUNNING'
  | 'PAUSED'
  | 'CANCELLING'
  | 'CANCELLED'
  | 'COMPLETED'
  | 'FAILED'
  | 'CRASHED';

export type ArtifactKind =
  | 'markdown'
  | 'table'
  | 'link'
  | 'image'
  | 'progress'
  | 'mime'
  | 'notebook';

export type Catchup = 'latest' | 'all' | 'none';

export type Overlap = 'enqueue' | 'allow' | 'cancel_new' | 'cancel_previous';

export type Source = 'snapshot' | 'live';

/** Five fields, in a time zone. */
export interface Cron {
  cron: string;
  timezone?: string;
  day_or?: boolean;
}

/** Every so often, counted both ways from an anchor. */
export interface Interval {
  interval: number;
  anchor_date?: Instant;
  timezone?: string;
}

/** An iCalendar recurrence rule, by the zone's wall clock. */
export interface RRule {
  rrule: string;
  timezone?: string;
}

export type Timing = Cron | Interval | RRule;

/** Where a run stands, since when, and why. */
export interface State {
  type: StateType;
  name: string;
  message: string;
  at: Instant;
  id: string;
  details: { [key: string]: Json };
}

/** The process that works on a run. A dead owner on a host we can see is noticed at once. */
export interface Owner {
  host: string;
  boot: string;
  pid: number;
  started: number;
  worker_id: string | null;
}

/** One execution of a flow or a notebook. */
export interface FlowRun {
  id: string;
  name: string;
  flow_name: string;
  kind: 'flow' | 'notebook' | 'session';
  state: State;
  created_at: Instant;
  parameters: Parameters;
  tags: string[];
  attempt: number;
  due_at: Instant | null;
  started_at: Instant | null;
  ended_at: Instant | null;
  running_seconds: number;
  deployment_id: string | null;
  schedule_id: string | null;
  parent_flow_run_id: string | null;
  parent_task_run_id: string | null;
  work_pool: string | null;
  owner: Owner | null;
  lease_until: Instant | null;
  retries: number;
  retry_delay_seconds: number;
  path: string | null;
  function: string | null;
  snapshot: string | null;
  kernel_name: string | null;
  run_dir: string | null;
  idempotency_key: string | null;
  created_by: string | null;
  options: { [key: string]: Json };
  work_queue: string | null;
  job_variables: { [key: string]: Json };
  entrypoint: string | null;
  deployment_version: number | null;
  crash_retries: number;
  backfill_id: string | null;
}

/** One execution of a task or of a notebook's cell. */
export interface TaskRun {
  id: string;
  flow_run_id: string;
  key: string;
  name: string;
  kind: 'task' | 'cell' | 'flow';
  state: State;
  created_at: Instant;
  position: number;
  attempt: number;
  flow_attempt: number;
  started_at: Instant | null;
  ended_at: Instant | null;
  running_seconds: number;
  tags: string[];
  upstream: string[];
  cell_id: string | null;
  result_key: string | null;
  note: string | null;
  history: State[];
}

/** One thing a run waits for. */
export interface Reason {
  code: string;
  message: string;
  hint: string | null;
  runs: string[];
  position: number | null;
  waiting: number | null;
  until: Instant | null;
}

/** Why a run is not starting. */
export interface Explanation {
  flow_run_id: string;
  state: string;
  waits: boolean;
  message: string;
  reasons: Reason[];
}

/** One line of a run's log. `level` is the number of the standard `logging` module. */
export interface LogEntry {
  flow_run_id: string;
  at: Instant;
  level: number;
  message: string;
  logger: string;
  task_run_id: string | null;
  id: string;
}

/** A stored result. */
export interface ResultRecord {
  key: string;
  created_at: Instant;
  flow_run_id: string | null;
  task_run_id: string | null;
  serializer: string;
  size: number;
  sha256: string;
  data: string | null;
  location: string | null;
  expires_at: Instant | null;
  task_key: string | null;
  call: string | null;
  parts: { [key: string]: Json } | null;
  preview: string;
}

/** Something a run shows to people. */
export interface Artifact {
  kind: ArtifactKind;
  data: Json;
  key: string | null;
  description: string | null;
  flow_run_id: string | null;
  task_run_id: string | null;
  created_at: Instant;
  id: string;
  updated_at: Instant | null;
  size: number;
  mime_types: string[];
  sha256: string | null;
}

/** What an artifact shows. */
export interface ArtifactContent {
  data: Json;
}

/** When a deployment runs. */
export interface Schedule {
  id: string;
  deployment_id: string;
  timing: Timing;
  created_at: Instant;
  done_until: Instant;
  next_at: Instant | null;
  active: boolean;
  catchup: Catchup;
  overlap: Overlap;
  parameters: Parameters;
  slug: string | null;
  catchup_window_seconds: number | null;
  catchup_max: number | null;
  jitter_seconds: number;
  starts_at: Instant | null;
  ends_at: Instant | null;
  max_runs: number | null;
  runs_made: number;
  generation: number;
  problem: string | null;
  updated_at: Instant | null;
}

/** A notebook or flow and how to run it. */
export interface Deployment {
  id: string;
  name: string;
  flow_name: string;
  path: string;
  source: Source;
  snapshot: string;
  kernel_name: string;
  created_at: Instant;
  updated_at: Instant;
  kernel_argv: string[];
  host: string | null;
  work_pool: string;
  parameter_schema: JsonSchema;
  parameters: Parameters;
  tags: string[];
  description: string;
  concurrency_limit: number | null;
  paused: boolean;
  schedules: Schedule[];
  made_by: string;
  created_by: string | null;
  function: string | null;
  options: { [key: string]: Json };
  entrypoint: string | null;
  version: number;
  work_queue: string;
  job_variables: { [key: string]: Json };
  enforce_parameter_schema: boolean;
  retries: number;
  retry_delay_seconds: number;
  crash_retries: number;
  collision_strategy: 'enqueue' | 'cancel_new';
  include: string[];
  files: { [key: string]: Json };
  defined_in: string | null;
}

/** What a deployment was when it was deployed for the nth time. */
export interface DeploymentVersion {
  id: string;
  deployment_id: string;
  version: number;
  content: { [key: string]: Json };
  snapshot: string;
  made_by: string;
  created_at: Instant;
  created_by: string | null;
  note: string;
}

/** A field of a deployment that two versions have otherwise. */
export interface FieldChange {
  field: string;
  before: Json;
  after: Json;
}

/** How one version of a deployment differs from another. */
export interface VersionDiff {
  deployment_id: string;
  before: number;
  after: number;
  changes: FieldChange[];
}

/** A code cell that is not in the file as it was deployed. */
export interface CellDrift {
  id: string;
  name: string;
  change: 'added' | 'removed' | 'changed';
  lines_added: number;
  lines_removed: number;
}

/** An included file, or the script itself, that differs from what was deployed. */
export interface FileDrift {
  path: string;
  change: 'added' | 'removed' | 'changed';
  lines_added: number | null;
  lines_removed: number | null;
}

/** How a deployment's files differ from what is deployed. */
export interface Drift {
  deployment_id: string;
  version: number;
  path: string;
  drifted: boolean;
  cells: CellDrift[];
  files: FileDrift[];
  problem: string | null;
}

/** An instant to come. */
export interface Upcoming {
  schedule_id: string;
  deployment_id: string;
  deployment_name: string;
  due_at: Instant;
  start_at: Instant;
  skipped: boolean;
  slug: string | null;
}

/** Due instants that were not run, and why: the record that none was lost. */
export interface Skip {
  schedule_id: string;
  first_at: Instant;
  last_at: Instant;
  count: number;
  reason: 'missed' | 'overlap' | 'replaced' | 'asked';
}

/** Where runs wait for a worker, at most `concurrency_limit` at once (None: no limit). */
export interface WorkPool {
  id: string;
  name: string;
  created_at: Instant;
  updated_at: Instant;
  type: string;
  paused: boolean;
  concurrency_limit: number | null;
  description: string;
  base_job_template: { [key: string]: Json };
  status: 'READY' | 'NOT_READY' | 'PAUSED';
  running: number;
  late: number;
}

/** One of a pool's lines; the one of priority 1 is drained first. */
export interface WorkQueue {
  id: string;
  work_pool: string;
  name: string;
  created_at: Instant;
  updated_at: Instant;
  priority: number;
  concurrency_limit: number | null;
  paused: boolean;
  description: string;
  status: 'READY' | 'NOT_READY' | 'PAUSED';
}

/** What of a pool's jobs may be chosen, as JSON Schema, and what is made of it. */
export interface JobTemplate {
  job_configuration: { [key: string]: Json };
  variables: JsonSchema;
}

/** One worker process. The same name may be used by several; the id is the instance's own. */
export interface Worker {
  id: string;
  name: string;
  work_pool: string;
  owner: Owner;
  started_at: Instant;
  heartbeat_at: Instant;
  lease_until: Instant;
  limit: number;
  stopped_at: Instant | null;
  type: string;
  work_queues: string[];
  version: string;
  kernels: string[];
  status: 'ONLINE' | 'OFFLINE';
}

/** Who makes the runs that are due. `waits`: why this server makes none for now. */
export interface SchedulerInfo {
  running: boolean;
  host: string;
  pid: number;
  since: Instant;
  waits: string | null;
}

/** The worker that the server keeps beside it. */
export interface LocalWorker {
  pid: number | null;
  restarts: number;
  problem: string | null;
}

/** How the server stands. `scheduler` is its own or another's; null: nobody schedules. */
export interface Health {
  status: 'ok';
  version: string;
  host: string;
  home: string;
  store: string;
  seq: number;
  scheduler: SchedulerInfo | null;
  worker: LocalWorker | null;
  workers: Worker[];
}

/** Something that happened, written in the transaction that made it so. */
export interface Event {
  kind: string;
  noun: string;
  resource_id: string;
  at: Instant;
  row: { [key: string]: unknown };
  seq: number;
}

/** Events after a sequence number. `complete` is False when older ones were pruned: reload. */
export interface Changes {
  events: Event[];
  seq: number;
  complete: boolean;
}

/** Some rows in the order asked for, and the cursor that asks for more (None: no more). */
export interface Page<Row> {
  rows: Row[];
  cursor: string | null;
}

/** A cell as a form or a graph shows it. */
export interface CellInfo {
  id: string;
  index: number;
  type: string;
  name: string;
  source_preview: string;
  tags: string[];
}

/** A code cell of a notebook. */
export interface CellNode {
  id: string;
  name: string;
  index: number;
  kind: 'task' | 'flow' | 'parameters' | 'plain';
  tags: string[];
  reads: string[];
  binds: string[];
  missing: string[];
  unknown: string | null;
  outside: string[];
  digest: string;
  stale: boolean;
  options: { [key: string]: Json };
  on_line: string[];
  problem: Problem | null;
}

/** A name that one cell (its id) binds or changes, and another needs. */
export interface Edge {
  name: string;
  start: string;
  end: string;
  sure: boolean;
}

/** The code cells of a notebook in order, and what leads from one to another. */
export interface CellGraph {
  title: string;
  cells: CellNode[];
  edges: Edge[];
  problems: Problem[];
}

/** What there is to know of a notebook before it is deployed. */
export interface NotebookInfo {
  path: string;
  name: string;
  kernel_name: string | null;
  language: string | null;
  kernels: { name: string; display_name: string; language: string }[];
  parameters: JsonSchema;
  cells: CellInfo[];
  problems: Problem[];
  deployments: Deployment[];
}

/** A timing in plain words, its next instants, and what may surprise. */
export interface Preview {
  description: string;
  next: Instant[];
  notes: string[];
}

/** What a notebook's kernel cannot import. */
export interface Missing {
  cell_id: string;
  cell_index: number;
  cell_name: string;
  module: string | null;
  message: string;
  hint: string | null;
}

/** What a trial of a notebook's imports found. */
export interface Checked {
  path: string;
  kernel_name: string;
  tried: number;
  missing: Missing[];
  seconds: number;
  problem: string | null;
}

/** How many there are. `complete` is False when there are more: counting has an end. */
export interface Count {
  count: number;
  complete: boolean;
}

/** How many runs of a span are in a state. */
export interface StateCount {
  type: StateType;
  name: string;
  count: number;
  running_seconds: number;
  late_seconds: number;
}

/** The runs due from an instant on, until before another, by state. */
export interface Bucket {
  since: Instant;
  until: Instant;
  states: StateCount[];
}

/** How late runs started, or are by now: of how many (the newest due 10,000), on average. */
export interface Lateness {
  runs: number;
  average_seconds: number;
}

/** A flow: what its runs and deployments share a name with. */
export interface FlowSummary {
  name: string;
  runs: Count;
  deployments: number;
  last_run: FlowRun | null;
}

/** A run that was left as it is, and why. */
export interface Refused {
  id: string;
  code: string;
  message: string;
}

/** What became of several runs. */
export interface BulkAnswer {
  done: string[];
  refused: Refused[];
  more: boolean;
}

/** A value by name. */
export interface Variable {
  id: string;
  name: string;
  value: Json;
  tags: string[];
  created_at: Instant;
  updated_at: Instant;
}

/** Slots of one limit that somebody holds, or waits for. */
export interface Slot {
  request_id: string;
  limit_name: string;
  occupy: number;
  position: number;
  priority: number;
  asked_at: Instant;
  taken_at: Instant | null;
  lease_until: Instant;
  owner: Owner | null;
  flow_run_id: string | null;
  flow_run_name: string | null;
  task_run_id: string | null;
  task_run_name: string | null;
}

/** How many slots there are under a name. */
export interface ConcurrencyLimit {
  id: string;
  name: string;
  limit: number;
  active: boolean;
  slot_decay_per_second: number;
  created_at: Instant;
  updated_at: Instant;
  active_slots: number;
  slots: Slot[];
}

/** A kind of block. */
export interface BlockType {
  slug: string;
  name: string;
  created_at: Instant;
  updated_at: Instant;
  description: string;
  code_example: string;
  logo_url: string | null;
  documentation_url: string | null;
  is_protected: boolean;
}

/** The fields a type has, or once had: documents keep the schema they were saved with. */
export interface BlockSchema {
  type_slug: string;
  checksum: string;
  fields: JsonSchema;
  capabilities: string[];
  version: string;
  created_at: Instant;
}

/** A block that was saved. */
export interface BlockDocument {
  id: string;
  type_slug: string;
  name: string | null;
  schema_checksum: string;
  data: { [key: string]: Json };
  created_at: Instant;
  updated_at: Instant;
}

/** A rule. */
export interface Automation {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
  tags: string[];
  trigger: { [key: string]: Json };
  actions: { [key: string]: Json }[];
  actions_on_trigger: { [key: string]: Json }[];
  actions_on_resolve: { [key: string]: Json }[];
  created_at: Instant;
  updated_at: Instant;
  standing: { [key: string]: Json };
  deployment_id: string | null;
  created_by: string | null;
}

/** One thing done because of a firing; it is begun at most once. */
export interface AutomationAction {
  id: string;
  firing_id: string;
  automation_id: string;
  position: number;
  action: { [key: string]: Json };
  state: 'pending' | 'running' | 'done' | 'failed' | 'not-done';
  message: string;
  outcome: { [key: string]: Json };
  created_at: Instant;
  started_at: Instant | null;
  ended_at: Instant | null;
}

/** That an automation fired, why, and what it did. */
export interface Firing {
  id: string;
  automation_id: string;
  kind: 'triggered' | 'resolved' | 'held' | 'stopped';
  trigger: string;
  labels: { [label: string]: string };
  reason: string;
  depth: number;
  at: Instant;
  event_seq: number | null;
  event: { [key: string]: Json } | null;
  actions: AutomationAction[];
}

/** How far one of an automation's triggers is, for one combination of labels. */
export interface BucketStanding {
  trigger: string;
  labels: { [label: string]: string };
  state: { [key: string]: Json };
  deadline_at: Instant | null;
}

/** Why an automation fired or did not: what it saw since it was made or changed. */
export interface Standing {
  automation_id: string;
  enabled: boolean;
  since: Instant;
  read_until: number;
  behind: number;
  seen: number;
  matched: number;
  held: number;
  buckets: BucketStanding[];
  last_match_at: Instant | null;
  missed: { [key: string]: Json } | null;
  paused_because: string | null;
  last_firing: Firing | null;
  lost: number;
}

/** What an automation would have decided. `read`: how many events; `why_not`: of the last. */
export interface Tested {
  read: number;
  seen: number;
  matched: number;
  firings: Firing[];
  complete: boolean;
  why_not: string | null;
}

/** An event. */
export interface EventView {
  seq: number;
  id: string;
  event: string;
  occurred: Instant;
  resource: { [label: string]: string };
  related: { [label: string]: string }[];
  payload: { [key: string]: Json };
  follows: string | null;
}

/** Some events in order, and the number of the last commit they are from. */
export interface Views {
  views: EventView[];
  seq: number;
}

/** How many events there are of a name, of a resource, or from an instant on. */
export interface EventCount {
  value: string;
  count: number;
  start: Instant | null;
  until: Instant | null;
}

/** What is wrong, and what to do next. */
export interface Problem {
  code: string;
  message: string;
  field?: string;
  hint?: string;
}

/** What is said to give a deployment a schedule; the fields mean what `Schedule`'s do. */
export interface NewSchedule {
  timing: Timing;
  active?: boolean;
  catchup?: Catchup;
  overlap?: Overlap;
  parameters?: Parameters;
  slug?: string;
  catchup_window_seconds?: number;
  catchup_max?: number;
  jitter_seconds?: number;
  starts_at?: Instant;
  ends_at?: Instant;
  max_runs?: number;
}

/** An edit of a schedule; what is left out stays. Of those that may be `kept`, null is none. */
export interface ScheduleChange {
  timing?: Cron | Interval | RRule;
  active?: boolean;
  catchup?: Catchup;
  overlap?: Overlap;
  parameters?: Parameters;
  jitter_seconds?: number;
  slug?: string | null;
  catchup_window_seconds?: number | 'kept' | null;
  catchup_max?: number | 'kept' | null;
  starts_at?: Instant | 'kept' | null;
  ends_at?: Instant | 'kept' | null;
  max_runs?: number | 'kept' | null;
}

/** What somebody says to deploy a notebook or a flow; what is left out follows from its file. */
export interface DeployRequest {
  path?: string;
  content?: string;
  name?: string;
  kernel_name?: string;
  source?: Source;
  parameters?: Parameters;
  schedules?: NewSchedule[];
  tags?: string[];
  description?: string;
  work_pool?: string;
  concurrency_limit?: number;
  paused?: boolean;
  replace?: boolean;
  made_by?: string;
  function?: string;
  options?: { [key: string]: Json };
  entrypoint?: string;
  include?: string[];
  work_queue?: string;
  job_variables?: { [key: string]: Json };
  enforce_parameter_schema?: boolean;
  retries?: number;
  retry_delay_seconds?: number;
  crash_retries?: number;
  collision_strategy?: 'enqueue' | 'cancel_new';
  defined_in?: string;
  note?: string;
  triggers?: { [key: string]: Json }[];
}

/** An edit of a deployment; what is left out (null) stays. A limit of null means no limit. */
export interface DeploymentChange {
  paused?: boolean;
  parameters?: Parameters;
  tags?: string[];
  description?: string;
  work_pool?: string;
  work_queue?: string;
  job_variables?: { [key: string]: Json };
  concurrency_limit?: number | 'kept' | null;
  collision_strategy?: 'enqueue' | 'cancel_new';
  enforce_parameter_schema?: boolean;
  retries?: number;
  retry_delay_seconds?: number;
  crash_retries?: number;
  source?: Source;
  made_by?: string;
  replace?: boolean;
  note?: string;
}

/** Which flow runs are meant. Everything left out matches; of several values any one. */
export interface RunFilter {
  state?: string[];
  deployment_id?: string[] | string;
  schedule_id?: string[] | string;
  flow_name?: string[] | string;
  parent_flow_run_id?: string[] | string;
  search?: string;
  tags?: string[];
  since?: Instant;
  until?: Instant;
  sessions?: boolean;
  id?: string[] | string;
  name?: string[] | string;
  kind?: ('flow' | 'notebook' | 'session')[];
  all_tags?: string[];
  work_pool?: string[] | string;
  work_queue?: string[] | string;
  backfill_id?: string[] | string;
  created_by?: string[] | string;
  roots?: boolean;
  started_since?: Instant;
  started_until?: Instant;
  ended_since?: Instant;
  ended_until?: Instant;
}

/** What to do with several runs: those of some ids, or the first 200 a filter means. */
export interface BulkRequest {
  action: 'cancel' | 'delete' | 'retry' | 'add_tags' | 'remove_tags';
  ids?: string[];
  where?: RunFilter;
  tags?: string[];
  dry_run?: boolean;
}

/** What is said to make a work pool; the fields mean what `WorkPool`'s do. */
export interface NewWorkPool {
  name: string;
  type?: string;
  description?: string;
  concurrency_limit?: number;
  paused?: boolean;
  base_job_template?: { [key: string]: Json };
}

/** An edit of a work pool; what is left out stays. A limit of null means no limit. */
export interface WorkPoolChange {
  paused?: boolean;
  concurrency_limit?: number | 'kept' | null;
  description?: string;
  base_job_template?: { [key: string]: Json };
  type?: string;
}

/** What is said to make a queue; without a priority it is the last one. */
export interface NewWorkQueue {
  name: string;
  priority?: number;
  concurrency_limit?: number;
  paused?: boolean;
  description?: string;
}

/** An edit of a queue; what is left out stays. A limit of null means no limit. */
export interface WorkQueueChange {
  priority?: number;
  concurrency_limit?: number | 'kept' | null;
  paused?: boolean;
  description?: string;
}

/** What is said to set a variable. `overwrite`: also one that is there already. */
export interface NewVariable {
  name: string;
  value: Json;
  tags?: string[];
  overwrite?: boolean;
}

/** What is said to create a limit. */
export interface NewLimit {
  name: string;
  limit: number;
  active?: boolean;
  slot_decay_per_second?: number;
}

/** An edit of a limit; None leaves a field as it is. */
export interface LimitChange {
  limit?: number;
  active?: boolean;
  slot_decay_per_second?: number;
}

/** A notebook as it is on the screen, and the run it is compared with. */
export interface GraphRequest {
  path: string;
  content?: string;
  run?: string;
}

/** What is said to make a block type. */
export interface NewBlockType {
  slug: string;
  name: string;
  description?: string;
  code_example?: string;
  logo_url?: string;
  documentation_url?: string;
}

/** What is said to save a block. */
export interface NewBlock {
  type_slug: string;
  name: string | null;
  data: { [key: string]: Json };
  schema_checksum?: string;
  overwrite?: boolean;
}

/** An edit of a block's fields; those left out stay as they are. */
export interface BlockChange {
  data?: { [key: string]: Json };
  schema_checksum?: string;
}

/** What is said to make an automation; the fields mean what `Automation`'s do. */
export interface NewAutomation {
  name: string;
  trigger: { [key: string]: Json };
  actions?: { [key: string]: Json }[];
  description?: string;
  enabled?: boolean;
  tags?: string[];
  actions_on_trigger?: { [key: string]: Json }[];
  actions_on_resolve?: { [key: string]: Json }[];
  deployment_id?: string;
  created_by?: string;
}

/** An edit of an automation; what is left out stays. */
export interface AutomationChange {
  name?: string;
  trigger?: { [key: string]: Json };
  actions?: { [key: string]: Json }[];
  description?: string;
  enabled?: boolean;
  tags?: string[];
  actions_on_trigger?: { [key: string]: Json }[];
  actions_on_resolve?: { [key: string]: Json }[];
}

/** What is said to try an automation on past events; nothing is done. */
export interface TestAsked {
  automation?: NewAutomation;
  name_or_id?: string;
  since?: Instant;
  until?: Instant;
  event?: { [key: string]: Json };
  limit?: number;
}

/** Which events are meant. Everything left out matches; of several values any one. */
export interface EventFilter {
  event?: string[] | string;
  resource?: string[] | string;
  related?: string[] | string;
  since?: Instant;
  until?: Instant;
}

export type Verdict =
  | { verdict: 'accept'; state: State; attempt: number }
  | { verdict: 'wait'; seconds: number; reason: string }
  | { verdict: 'abort'; reason: string; state: State | null };

export type FlowRunRow = Omit<FlowRun, 'parameters' | 'owner'>;

export type TaskRunRow = Omit<TaskRun, 'history'>;

/**
 * JSON Schema (2020-12): the words of it that forms read. `x-order`, `position`: the place among
 * the properties.
 */
export interface JsonSchema {
  $ref?: string;
  $defs?: { [name: string]: JsonSchema };
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  examples?: Json[];
  enum?: Json[];
  const?: Json;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  format?: string;
  writeOnly?: boolean;
  contentMediaType?: string;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  items?: JsonSchema | boolean;
  prefixItems?: JsonSchema[];
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  properties?: { [name: string]: JsonSchema };
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  position?: number;
  'x-order'?: number;
  /** Which values are secret, by dotted paths; `*`: any key or item. */
  secret_fields?: string[];
  /** A part that takes a saved block: of these types, or of those that can do this. */
  block_types?: { slug: string }[];
  block_capabilities?: string[];
}

/** What a page hears of while it watches it: artifacts, users' events, what has no event. */
export type WatchedNoun = 'artifacts' | 'events' | 'slots' | 'workers';

/** What the server says on the change stream. */
export type StreamMessage =
  | {
      type: 'snapshot';
      seq: number;
      health: Health;
      flow_runs: FlowRunRow[];
      deployments: Deployment[];
      workers: Worker[];
    }
  | { type: 'changes'; from: number; to: number; events: Event[] }
  | { type: 'run'; flow_run_id: string; seq: number; task_runs: TaskRunRow[] }
  | { type: 'stirred'; nouns: WatchedNoun[] }
  | { type: 'resync' };

/** What the browser may say on it. */
export type StreamRequest =
  | { type: 'watch' | 'unwatch'; flow_run_id: string }
  | { type: 'watch' | 'unwatch'; noun: WatchedNoun };

/** The types of work pools, and the job template of a pool that has none of its own. */
export const POOL_TYPES: { readonly [type: string]: JobTemplate } = {
  "process": {
    "job_configuration": {
      "name": "{{ name }}",
      "env": "{{ env }}",
      "labels": "{{ labels }}",
      "working_dir": "{{ working_dir }}",
      "storage": "{{ storage }}",
      "kernel_start_seconds": "{{ kernel_start_seconds }}",
      "interrupt_seconds": "{{ interrupt_seconds }}",
      "terminate_seconds": "{{ terminate_seconds }}",
      "timeout_seconds": "{{ timeout_seconds }}",
      "command": "{{ command }}",
      "stream_output": "{{ stream_output }}"
    },
    "variables": {
      "type": "object",
      "properties": {
        "name": {
          "title": "Name",
          "description": "What the run's process is called: NBFLOW_JOB_NAME; null: as the run.",
          "type": [
            "string",
            "null"
          ],
          "maxLength": 255,
          "default": null
        },
        "env": {
          "title": "Environment variables",
          "description": "Set for the run's process and its kernel; null takes a variable away.",
          "type": "object",
          "additionalProperties": {
            "type": [
              "string",
              "null"
            ]
          },
          "default": {}
        },
        "labels": {
          "title": "Labels",
          "description": "Kept with the job and told to the run as JSON: NBFLOW_JOB_LABELS.",
          "type": "object",
          "additionalProperties": {
            "type": "string"
          },
          "default": {}
        },
        "working_dir": {
          "title": "Working folder",
          "description": "An absolute path; null: the folder of the notebook or script.",
          "type": [
            "string",
            "null"
          ],
          "pattern": "^/",
          "maxLength": 4096,
          "default": null
        },
        "storage": {
          "title": "Storage",
          "description": "The block (TYPE/NAME, and a folder in it) a run's code is downloaded from into a fresh folder, and the file in it; null: the code is here.",
          "type": [
            "object",
            "null"
          ],
          "properties": {
            "block": {
              "type": "string",
              "pattern": "^[a-z0-9-]+/[a-z0-9-]+(/.*)?$",
              "maxLength": 4096
            },
            "file": {
              "type": [
                "string",
                "null"
              ],
              "maxLength": 4096
            }
          },
          "required": [
            "block"
          ],
          "additionalProperties": false,
          "default": null
        },
        "kernel_start_seconds": {
          "title": "Kernel start",
          "description": "How long a kernel may take to start; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "interrupt_seconds": {
          "title": "Interrupt",
          "description": "Cancelling: from interrupt to terminate; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "terminate_seconds": {
          "title": "Terminate",
          "description": "Cancelling: from terminate to kill; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "timeout_seconds": {
          "title": "Time limit",
          "description": "A run that takes longer is ended and has failed; null: none.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "command": {
          "title": "Command",
          "description": "Started instead of python -m nbflow.notebook.execute, and given that one's last two words: the run's id and the attempt; null: that one.",
          "type": [
            "array",
            "null"
          ],
          "items": {
            "type": "string"
          },
          "default": null
        },
        "stream_output": {
          "title": "Show output",
          "description": "Whether the worker's own output shows what the run's process prints.",
          "type": "boolean",
          "default": false
        }
      },
      "required": []
    }
  },
  "kernel": {
    "job_configuration": {
      "kernel_name": "{{ kernel_name }}",
      "name": "{{ name }}",
      "env": "{{ env }}",
      "labels": "{{ labels }}",
      "working_dir": "{{ working_dir }}",
      "storage": "{{ storage }}",
      "kernel_start_seconds": "{{ kernel_start_seconds }}",
      "interrupt_seconds": "{{ interrupt_seconds }}",
      "terminate_seconds": "{{ terminate_seconds }}",
      "timeout_seconds": "{{ timeout_seconds }}"
    },
    "variables": {
      "type": "object",
      "properties": {
        "kernel_name": {
          "title": "Kernel",
          "description": "The kernelspec that executes; null: the deployment's own.",
          "type": [
            "string",
            "null"
          ],
          "pattern": "^[A-Za-z0-9._-]+$",
          "maxLength": 255,
          "default": null
        },
        "name": {
          "title": "Name",
          "description": "What the run's process is called: NBFLOW_JOB_NAME; null: as the run.",
          "type": [
            "string",
            "null"
          ],
          "maxLength": 255,
          "default": null
        },
        "env": {
          "title": "Environment variables",
          "description": "Set for the run's process and its kernel; null takes a variable away.",
          "type": "object",
          "additionalProperties": {
            "type": [
              "string",
              "null"
            ]
          },
          "default": {}
        },
        "labels": {
          "title": "Labels",
          "description": "Kept with the job and told to the run as JSON: NBFLOW_JOB_LABELS.",
          "type": "object",
          "additionalProperties": {
            "type": "string"
          },
          "default": {}
        },
        "working_dir": {
          "title": "Working folder",
          "description": "An absolute path; null: the folder of the notebook or script.",
          "type": [
            "string",
            "null"
          ],
          "pattern": "^/",
          "maxLength": 4096,
          "default": null
        },
        "storage": {
          "title": "Storage",
          "description": "The block (TYPE/NAME, and a folder in it) a run's code is downloaded from into a fresh folder, and the file in it; null: the code is here.",
          "type": [
            "object",
            "null"
          ],
          "properties": {
            "block": {
              "type": "string",
              "pattern": "^[a-z0-9-]+/[a-z0-9-]+(/.*)?$",
              "maxLength": 4096
            },
            "file": {
              "type": [
                "string",
                "null"
              ],
              "maxLength": 4096
            }
          },
          "required": [
            "block"
          ],
          "additionalProperties": false,
          "default": null
        },
        "kernel_start_seconds": {
          "title": "Kernel start",
          "description": "How long a kernel may take to start; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "interrupt_seconds": {
          "title": "Interrupt",
          "description": "Cancelling: from interrupt to terminate; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "terminate_seconds": {
          "title": "Terminate",
          "description": "Cancelling: from terminate to kill; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "timeout_seconds": {
          "title": "Time limit",
          "description": "A run that takes longer is ended and has failed; null: none.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        }
      },
      "required": []
    }
  },
  "agent": {
    "job_configuration": {
      "infrastructure": "{{ infrastructure }}",
      "name": "{{ name }}",
      "env": "{{ env }}",
      "labels": "{{ labels }}",
      "working_dir": "{{ working_dir }}",
      "storage": "{{ storage }}",
      "kernel_start_seconds": "{{ kernel_start_seconds }}",
      "interrupt_seconds": "{{ interrupt_seconds }}",
      "terminate_seconds": "{{ terminate_seconds }}",
      "timeout_seconds": "{{ timeout_seconds }}",
      "command": "{{ command }}",
      "stream_output": "{{ stream_output }}",
      "kernel_name": "{{ kernel_name }}"
    },
    "variables": {
      "type": "object",
      "properties": {
        "infrastructure": {
          "title": "Infrastructure",
          "description": "The block (process/NAME or kernel/NAME) that says how a run is executed, or a type alone; null: a process.",
          "type": [
            "string",
            "null"
          ],
          "pattern": "^[a-z0-9-]+(/[a-z0-9-]+)?$",
          "maxLength": 511,
          "default": null
        },
        "name": {
          "title": "Name",
          "description": "What the run's process is called: NBFLOW_JOB_NAME; null: as the run.",
          "type": [
            "string",
            "null"
          ],
          "maxLength": 255,
          "default": null
        },
        "env": {
          "title": "Environment variables",
          "description": "Set for the run's process and its kernel; null takes a variable away.",
          "type": "object",
          "additionalProperties": {
            "type": [
              "string",
              "null"
            ]
          },
          "default": {}
        },
        "labels": {
          "title": "Labels",
          "description": "Kept with the job and told to the run as JSON: NBFLOW_JOB_LABELS.",
          "type": "object",
          "additionalProperties": {
            "type": "string"
          },
          "default": {}
        },
        "working_dir": {
          "title": "Working folder",
          "description": "An absolute path; null: the folder of the notebook or script.",
          "type": [
            "string",
            "null"
          ],
          "pattern": "^/",
          "maxLength": 4096,
          "default": null
        },
        "storage": {
          "title": "Storage",
          "description": "The block (TYPE/NAME, and a folder in it) a run's code is downloaded from into a fresh folder, and the file in it; null: the code is here.",
          "type": [
            "object",
            "null"
          ],
          "properties": {
            "block": {
              "type": "string",
              "pattern": "^[a-z0-9-]+/[a-z0-9-]+(/.*)?$",
              "maxLength": 4096
            },
            "file": {
              "type": [
                "string",
                "null"
              ],
              "maxLength": 4096
            }
          },
          "required": [
            "block"
          ],
          "additionalProperties": false,
          "default": null
        },
        "kernel_start_seconds": {
          "title": "Kernel start",
          "description": "How long a kernel may take to start; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "interrupt_seconds": {
          "title": "Interrupt",
          "description": "Cancelling: from interrupt to terminate; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "terminate_seconds": {
          "title": "Terminate",
          "description": "Cancelling: from terminate to kill; null: the worker's setting.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "timeout_seconds": {
          "title": "Time limit",
          "description": "A run that takes longer is ended and has failed; null: none.",
          "type": [
            "number",
            "null"
          ],
          "exclusiveMinimum": 0,
          "maximum": 86400.0,
          "default": null
        },
        "command": {
          "title": "Command",
          "description": "Started instead of python -m nbflow.notebook.execute, and given that one's last two words: the run's id and the attempt; null: that one.",
          "type": [
            "array",
            "null"
          ],
          "items": {
            "type": "string"
          },
          "default": null
        },
        "stream_output": {
          "title": "Show output",
          "description": "Whether the worker's own output shows what the run's process prints.",
          "type": "boolean",
          "default": false
        },
        "kernel_name": {
          "title": "Kernel",
          "description": "The kernelspec that executes; null: the deployment's own.",
          "type": [
            "string",
            "null"
          ],
          "pattern": "^[A-Za-z0-9._-]+$",
          "maxLength": 255,
          "default": null
        }
      },
      "required": []
    }
  }
};
