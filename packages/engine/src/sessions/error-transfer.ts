import {
  type ErrorDetails,
  EverfreshError,
  FingerprintMismatchError,
  ShapeError,
  ValueRangeError,
  VersionGapError,
} from "@everfresh/core";
import { RuntimeFailedError, RuntimeUnavailableError } from "../errors.ts";

/** An error as it crosses the border between two threads. */
export interface TransferredError {
  /** Code of an {@link EverfreshError}; null for any other error. */
  readonly code: string | null;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly stack: string | undefined;
}

/** Classes of errors by their code. */
export type ErrorClasses = Readonly<Record<string, { readonly prototype: EverfreshError }>>;

// The classes of the errors that workers throw, so that `instanceof` holds on the other side too.
const CLASSES: ErrorClasses = {
  EF_SHAPE_MISMATCH: ShapeError,
  EF_VALUE_RANGE: ValueRangeError,
  EF_VERSION_GAP: VersionGapError,
  EF_FINGERPRINT_MISMATCH: FingerprintMismatchError,
  EF_RUNTIME_UNAVAILABLE: RuntimeUnavailableError,
  EF_RUNTIME_FAILED: RuntimeFailedError,
};

/** What of `error` can be sent to another thread. */
export function toTransferred(error: unknown): TransferredError {
  if (error instanceof EverfreshError) {
    const { code, message, details, stack } = error;
    return { code, message, details, stack };
  }
  if (error instanceof Error) {
    return { code: null, message: error.message, details: {}, stack: error.stack };
  }
  return { code: null, message: String(error), details: {}, stack: undefined };
}

/**
 * The error that was sent, of the class that it had where it was thrown.
 * @param classes that it may be of besides those of this package
 */
export function fromTransferred(
  { code, message, details, stack }: TransferredError,
  classes: ErrorClasses = {},
): Error {
  const error = code === null ? new Error(message) : new EverfreshError(code, message, { details });
  const original = code === null ? undefined : (classes[code] ?? CLASSES[code]);
  if (original !== undefined) {
    Object.setPrototypeOf(error, original.prototype);
    error.name = (original as { readonly name?: string }).name ?? error.name;
  }
  if (stack !== undefined) error.stack = stack;
  return error;
}
