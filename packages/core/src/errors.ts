/** Structured facts about an error, for programs; the message says the same for people. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Options of an {@link EverfreshError}. */
export interface EverfreshErrorOptions {
  /** What caused this error, if it was another one. */
  readonly cause?: unknown;
  /** The values that the message names, for programs. */
  readonly details?: ErrorDetails;
}

/**
 * An operating error: something outside the program is not as it must be.
 * The `code` is stable across releases; `docs/errors.md` lists every code with its way out.
 */
export class EverfreshError extends Error {
  /** Stable identifier such as `EF_SHAPE_MISMATCH`. */
  readonly code: string;
  /** The values that the message names. */
  readonly details: ErrorDetails;

  constructor(code: string, message: string, options: EverfreshErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** A tensor, state or input whose shape, dtype or length is not the one that is needed. */
export class ShapeError extends EverfreshError {
  constructor(message: string, details?: ErrorDetails) {
    super("EF_SHAPE_MISMATCH", message, details === undefined ? {} : { details });
  }
}

/** A value that no update or state may hold: not finite, or outside the range of its dtype. */
export class ValueRangeError extends EverfreshError {
  constructor(message: string, details?: ErrorDetails) {
    super("EF_VALUE_RANGE", message, details === undefined ? {} : { details });
  }
}

/** An update that starts from another version than the one that this state is at. */
export class VersionGapError extends EverfreshError {
  constructor(stateVersion: number, fromVersion: number, toVersion: number) {
    super(
      "EF_VERSION_GAP",
      `Update ${fromVersion} to ${toVersion} does not apply to version ${stateVersion}; ask for a snapshot`,
      { details: { stateVersion, fromVersion, toVersion } },
    );
  }
}

/** A state or update whose content is not what its fingerprint says. */
export class FingerprintMismatchError extends EverfreshError {
  constructor(what: string, expected: string, actual: string) {
    super(
      "EF_FINGERPRINT_MISMATCH",
      `${what}: fingerprint ${actual} where ${expected} was expected; ask for a snapshot`,
      { details: { expected, actual } },
    );
  }
}

/** Crashes on a programmer error; never use it to check what comes from outside. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`internal: ${message}`);
}
