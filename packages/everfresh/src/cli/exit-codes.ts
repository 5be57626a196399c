/** Exit status of the program; documented in `everfresh --help`. */
export const EXIT = {
  ok: 0,
  /** Something failed that is not the user's to mend. */
  failure: 1,
  /** A command or option that does not exist or has a bad value. */
  usage: 2,
  /** Data, model or configuration is not as it must be. */
  input: 3,
  /** A port, an address or a connection. */
  network: 4,
  /** The state directory. */
  state: 5,
} as const;

/** Which exit status an error code leads to; codes that are not listed are input errors. */
const EXIT_BY_CODE: ReadonlyMap<string, number> = new Map([
  ["EF_USAGE", EXIT.usage],
  ["EF_PORT_IN_USE", EXIT.network],
  ["EF_BROKER_FAILED", EXIT.network],
  ["EF_BROKER_GAP", EXIT.network],
  ["EF_BROKER_MISSING", EXIT.network],
  ["EF_BROKER_UNAUTHORIZED", EXIT.network],
  ["EF_BROKER_UNREACHABLE", EXIT.network],
  ["EF_CONNECT_FAILED", EXIT.network],
  ["EF_PROTOCOL", EXIT.network],
  ["EF_REPLICA_CLOSED", EXIT.network],
  ["EF_NATS_FAILED", EXIT.network],
  ["EF_NATS_INCOMPLETE", EXIT.network],
  ["EF_NATS_LIMITS", EXIT.network],
  ["EF_NATS_NO_JETSTREAM", EXIT.network],
  ["EF_NATS_NO_MODEL", EXIT.network],
  ["EF_NATS_SUPERSEDED", EXIT.network],
  ["EF_NATS_UNAUTHORIZED", EXIT.network],
  ["EF_NATS_UNREACHABLE", EXIT.network],
  ["EF_TRANSPORT", EXIT.network],
  ["EF_URL_INVALID", EXIT.network],
  ["EF_RUN_UNREACHABLE", EXIT.network],
  ["EF_UNAUTHORIZED", EXIT.network],
  ["EF_CHECKPOINT_CORRUPT", EXIT.state],
  ["EF_CHECKPOINT_MISMATCH", EXIT.state],
  ["EF_DRIFT_CHECKPOINT", EXIT.state],
  ["EF_DRIFT_NOT_WATCHED", EXIT.state],
  ["EF_EVALUATION_CHECKPOINT", EXIT.state],
  ["EF_HISTORY_UNREADABLE", EXIT.state],
  ["EF_HISTORY_VERSION", EXIT.state],
  ["EF_HISTORY_WRITE", EXIT.state],
  ["EF_INBOX_POSITION", EXIT.state],
  ["EF_INBOX_UNREADABLE", EXIT.state],
  ["EF_INBOX_VERSION", EXIT.state],
  ["EF_INBOX_WRITE", EXIT.state],
  ["EF_JOURNAL_UNREADABLE", EXIT.state],
  ["EF_JOURNAL_VERSION", EXIT.state],
  ["EF_JOURNAL_WRITE", EXIT.state],
  ["EF_LABELS_UNREADABLE", EXIT.state],
  ["EF_LABELS_VERSION", EXIT.state],
  ["EF_LABELS_WRITE", EXIT.state],
  ["EF_LOG_CORRUPT", EXIT.state],
  ["EF_LOG_LOCKED", EXIT.state],
  ["EF_LOG_UNAVAILABLE", EXIT.state],
  ["EF_NO_DRIFT_RECORD", EXIT.state],
  ["EF_QUARANTINE_UNREADABLE", EXIT.state],
  ["EF_QUARANTINE_VERSION", EXIT.state],
  ["EF_REPLICA_STORE", EXIT.state],
  ["EF_RESUME_MISMATCH", EXIT.state],
  ["EF_SAMPLER_CHECKPOINT", EXIT.state],
  ["EF_STATE_DIRECTORY", EXIT.state],
  ["EF_STATE_MISMATCH", EXIT.state],
  ["EF_VERSION_NOT_KEPT", EXIT.state],
  ["EF_ROLLBACK_REFUSED", EXIT.state],
  ["EF_ERASURE_REFUSED", EXIT.state],
  ["EF_INTERRUPTED", EXIT.failure],
  ["EF_REPLICA_PROCESS", EXIT.failure],
  ["EF_RUNTIME_FAILED", EXIT.failure],
  ["EF_RUNTIME_UNAVAILABLE", EXIT.failure],
  ["EF_WORKER_CRASHED", EXIT.failure],
]);

/** Exit status for an error with this code. */
export function exitStatusOf(code: string): number {
  return EXIT_BY_CODE.get(code) ?? EXIT.input;
}
