import { EverfreshError } from "@everfresh/core";

/** A command or option that the program does not understand. */
export class UsageError extends EverfreshError {
  constructor(message: string, details?: Readonly<Record<string, unknown>>) {
    super("EF_USAGE", message, details === undefined ? {} : { details });
  }
}

/** A configuration file that is missing, cannot be loaded or does not describe a model. */
export class ConfigError extends EverfreshError {
  constructor(message: string, cause?: unknown) {
    super("EF_CONFIG", message, cause === undefined ? {} : { cause });
  }
}

/** A model, its preprocessing and its source that do not fit together. */
export class ModelSourceMismatchError extends EverfreshError {
  constructor(message: string, details: Readonly<Record<string, unknown>>) {
    super("EF_MODEL_SOURCE_MISMATCH", message, { details });
  }
}

/** The address that the server should listen on is taken or not ours. */
export class PortInUseError extends EverfreshError {
  constructor(host: string, port: number, cause: unknown) {
    super(
      "EF_PORT_IN_USE",
      `Port ${port} on ${host} is in use; choose another with --port N, or --port 0 for a free one`,
      { cause, details: { host, port } },
    );
  }
}

/** A state directory that cannot be created, read or written. */
export class StateDirectoryError extends EverfreshError {
  constructor(message: string, cause?: unknown) {
    super("EF_STATE_DIRECTORY", message, cause === undefined ? {} : { cause });
  }
}

/** A state directory that belongs to another model or seed than the one asked for. */
export class StateMismatchError extends EverfreshError {
  constructor(message: string, details: Readonly<Record<string, unknown>>) {
    super("EF_STATE_MISMATCH", message, { details });
  }
}

/** A process that the demo started and that ended before its time. */
export class ReplicaProcessError extends EverfreshError {
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super("EF_REPLICA_PROCESS", message, { details });
  }
}

/** A file that should hold a key and cannot be read, or holds something else. */
export class KeyFileError extends EverfreshError {
  constructor(file: string, reason: string, cause: unknown) {
    super(
      "EF_KEY_FILE",
      `Key file ${file} cannot be used: ${reason}; signing needs NAME.key, trusting NAME.pub`,
      { cause, details: { file } },
    );
  }
}

/** A file that an export cannot write, or must not overwrite. */
export class OutputFileError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_OUTPUT_FILE", `Cannot write ${file}: ${reason}`, { cause, details: { file } });
  }
}

/** A rollback that cannot be made, or not now. */
export class RollbackRefusedError extends EverfreshError {
  constructor(reason: string, cause?: unknown) {
    super("EF_ROLLBACK_REFUSED", `No rollback: ${reason}`, cause === undefined ? {} : { cause });
  }
}

/** A run's HTTP API that cannot be reached, or that answered with an error of its own. */
export class RunUnreachableError extends EverfreshError {
  constructor(url: string, reason: string, cause?: unknown) {
    super("EF_RUN_UNREACHABLE", `The run at ${url} did not do it: ${reason}`, {
      cause,
      details: { url },
    });
  }
}

/** Somebody asks about drift where nobody watches for it. */
export class DriftNotWatchedError extends EverfreshError {
  constructor(where: string) {
    super(
      "EF_DRIFT_NOT_WATCHED",
      `Drift of ${where} is not watched; configure \`drift: {}\` and run it again`,
      { details: { where } },
    );
  }
}

/** A drift record that there is not, or not any longer. */
export class NoDriftRecordError extends EverfreshError {
  constructor(id: number) {
    super(
      "EF_NO_DRIFT_RECORD",
      `There is no record ${id}; \`everfresh drift history\` lists them`,
      {
        details: { id },
      },
    );
  }
}

/** An HTTP request that its sender must not make. */
export class ForbiddenError extends EverfreshError {
  constructor(message: string) {
    super("EF_FORBIDDEN", message);
  }
}

/** An HTTP request that is not as its route wants it. */
export class RequestError extends EverfreshError {
  constructor(message: string) {
    super("EF_REQUEST", message);
  }
}

/** Work that was interrupted; what was done is kept. */
export class InterruptedError extends EverfreshError {
  constructor(directory: string) {
    super(
      "EF_INTERRUPTED",
      `Interrupted; the same command goes on with what ${directory} does not have yet`,
      { details: { directory } },
    );
  }
}

/** An erasure that cannot be made now. */
export class ErasureRefusedError extends EverfreshError {
  constructor(reason: string) {
    super("EF_ERASURE_REFUSED", `Nothing was erased: ${reason}; try again`);
  }
}

/** A sample that is not there. */
export class SampleUnknownError extends EverfreshError {
  constructor(id: string) {
    super(
      "EF_SAMPLE_UNKNOWN",
      `There is nothing of a sample "${id}": neither in the history, nor waiting, nor in the quarantine`,
      { details: { id } },
    );
  }
}

/** Rows of a quarantine that are not there, or cannot be taken again. */
export class QuarantineRowError extends EverfreshError {
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super("EF_QUARANTINE_ROW", message, { details });
  }
}

/** Samples that are sent to a model that gets its samples from elsewhere. */
export class SourceNotPushedError extends EverfreshError {
  constructor(model: string, source: string) {
    super(
      "EF_SOURCE_NOT_PUSHED",
      `Model ${model} gets its samples from "${source}"; configure push() as its source`,
      { details: { model, source } },
    );
  }
}

/** A request whose body is longer than it may be. */
export class RequestTooLargeError extends EverfreshError {
  constructor(bytesMax: number) {
    super("EF_REQUEST_TOO_LARGE", `A body has at most ${bytesMax} bytes; send it in parts`, {
      details: { bytesMax },
    });
  }
}

/** A request that comes while as much as may be is being received. */
export class ServerBusyError extends EverfreshError {
  constructor(bytesMax: number) {
    super(
      "EF_SERVER_BUSY",
      `Bodies of ${bytesMax} bytes together are being received; send it again later`,
      { details: { bytesMax } },
    );
  }
}

/** A request without the token that it needs. */
export class UnauthorizedError extends EverfreshError {
  constructor() {
    super("EF_UNAUTHORIZED", "The token is another one; send Authorization: Bearer TOKEN");
  }
}
