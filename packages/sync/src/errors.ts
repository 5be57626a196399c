import { type ErrorDetails, EverfreshError } from "@everfresh/core";

/** Bytes that claim to be an update but are not a valid one; nothing of them was applied. */
export class CorruptUpdateError extends EverfreshError {
  constructor(reason: string, details: ErrorDetails = {}) {
    super("EF_UPDATE_CORRUPT", `Update is corrupt: ${reason}; ask for a snapshot`, { details });
  }
}

/** Why the signature of an update, a snapshot or a manifest is not good. */
export type SignatureFault = "unsigned" | "unknownKey" | "wrong";

/**
 * An update, a snapshot or a manifest without a signature that it must have, or with one that does
 * not count.
 */
export class UpdateSignatureError extends EverfreshError {
  /** What is wrong with it. */
  readonly fault: SignatureFault;

  constructor(fault: SignatureFault, reason: string, details: ErrorDetails = {}) {
    super(
      "EF_UPDATE_SIGNATURE",
      `Refused: ${reason}; check the publisher's key and the keys trusted here`,
      { details: { fault, ...details } },
    );
    this.fault = fault;
  }
}

/** A key to sign or to verify with that is none. */
export class SigningKeyError extends EverfreshError {
  constructor(reason: string) {
    super(
      "EF_SIGNING_KEY",
      `This is not the Ed25519 key that is needed: ${reason}; make one with everfresh keygen`,
    );
  }
}

/** A runtime without Ed25519 in its Web Cryptography API. */
export class SigningUnavailableError extends EverfreshError {
  constructor(reason: string, cause?: unknown) {
    super(
      "EF_SIGNING_UNAVAILABLE",
      `Signatures cannot be used: ${reason}; Ed25519 needs Node 22, Chromium 137, Firefox 129, ` +
        `Safari 17 or newer, and https in browsers`,
      { cause },
    );
  }
}

/** Bytes that claim to be a snapshot of a state but are not a valid one. */
export class CorruptSnapshotError extends EverfreshError {
  constructor(reason: string, details: ErrorDetails = {}) {
    super("EF_SNAPSHOT_CORRUPT", `Snapshot is corrupt: ${reason}; ask for it again`, { details });
  }
}

/** Bytes that claim to be a manifest but are not a valid one. */
export class CorruptManifestError extends EverfreshError {
  constructor(reason: string, details: ErrorDetails = {}) {
    super("EF_MANIFEST_CORRUPT", `Manifest is corrupt: ${reason}; ask for it again`, { details });
  }
}

/** A format or protocol version that this release does not know. */
export class UnsupportedFormatError extends EverfreshError {
  constructor(what: string, found: number, supported: number) {
    super(
      "EF_FORMAT_UNSUPPORTED",
      `${what} has version ${found}, this release knows version ${supported}; ` +
        `use the same release of Everfresh on both sides`,
      { details: { found, supported } },
    );
  }
}

/** A message that the protocol does not allow: unknown, malformed, too large or out of turn. */
export class ProtocolError extends EverfreshError {
  constructor(reason: string, details: ErrorDetails = {}) {
    super("EF_PROTOCOL", `Peer does not follow the protocol: ${reason}`, { details });
  }
}

/** A connection that could not be opened, or broke. */
export class TransportError extends EverfreshError {
  constructor(address: string, reason: string, cause?: unknown, code = "EF_TRANSPORT") {
    super(code, `Connection to ${address}: ${reason}`, {
      cause,
      details: { address },
    });
  }
}

/** What a NATS server lacks, or refuses. */
export type NatsFault =
  | "unreachable"
  | "unauthorized"
  | "noJetStream"
  | "limits"
  | "noModel"
  | "incomplete"
  | "superseded"
  | "failed";

const NATS_FAULTS: {
  readonly [F in NatsFault]: { readonly code: string; readonly wayOut: string };
} = {
  unreachable: {
    code: "EF_NATS_UNREACHABLE",
    wayOut: "check the address, and that the server runs",
  },
  unauthorized: {
    code: "EF_NATS_UNAUTHORIZED",
    wayOut: "check user, password, token or credentials, and what they permit",
  },
  noJetStream: {
    code: "EF_NATS_NO_JETSTREAM",
    wayOut: "start nats-server with JetStream (-js), or enable it for this account",
  },
  limits: {
    code: "EF_NATS_LIMITS",
    wayOut: "raise the limits of JetStream or of the account, or free some of its space",
  },
  noModel: {
    code: "EF_NATS_NO_MODEL",
    wayOut: "check the model's name, and that its trainer publishes there",
  },
  incomplete: {
    code: "EF_NATS_INCOMPLETE",
    wayOut: "its trainer mends that as soon as it is there",
  },
  superseded: {
    code: "EF_NATS_SUPERSEDED",
    wayOut: "let one trainer publish a model, or give one of them another name",
  },
  failed: { code: "EF_NATS_FAILED", wayOut: "see the server's own log" },
};

/** A NATS server, or what a model needs there, that is not as it must be. */
export class NatsError extends TransportError {
  /** What it is. */
  readonly fault: NatsFault;

  constructor(address: string, fault: NatsFault, reason: string, cause?: unknown) {
    const { code, wayOut } = NATS_FAULTS[fault];
    super(address, `${reason}; ${wayOut}`, cause, code);
    this.fault = fault;
  }
}

/** A replica that could not get its first state in time. */
export class ConnectError extends EverfreshError {
  constructor(address: string, reason: string, cause?: unknown) {
    super("EF_CONNECT_FAILED", `No model from ${address}: ${reason}`, {
      cause,
      details: { address },
    });
  }
}

/** A replica that was asked something after it was closed. */
export class ReplicaClosedError extends EverfreshError {
  constructor(reason: string) {
    super("EF_REPLICA_CLOSED", `Replica is closed: ${reason}; connect again`);
  }
}

/** A place where a replica keeps its state that cannot be read or written. */
export class ReplicaStoreError extends EverfreshError {
  constructor(where: string, reason: string, cause?: unknown) {
    super(
      "EF_REPLICA_STORE",
      `Replica's store ${where} cannot be used: ${reason}; check its permissions and free space`,
      { cause, details: { where } },
    );
  }
}

/** An update that is not the next one of the log, or does not follow from its last state. */
export class LogGapError extends EverfreshError {
  constructor(reason: string, details: ErrorDetails = {}) {
    super("EF_LOG_GAP", `Update does not continue the log: ${reason}`, { details });
  }
}

/** A log whose stored content is not what was written. */
export class LogCorruptError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super(
      "EF_LOG_CORRUPT",
      `Update log ${file} is damaged: ${reason}; restore it from a backup or use a new directory`,
      { cause, details: { file } },
    );
  }
}

/** A log that another writer has open. */
export class LogLockedError extends EverfreshError {
  constructor(file: string, holder: string) {
    super(
      "EF_LOG_LOCKED",
      `Update log ${file} is in use by ${holder}; stop it or use another directory`,
      { details: { file, holder } },
    );
  }
}

/** A log that cannot be opened, read or written: permissions, missing directory, full disk. */
export class LogUnavailableError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super(
      "EF_LOG_UNAVAILABLE",
      `Update log ${file} cannot be used: ${reason}; check the directory and its permissions`,
      { cause, details: { file } },
    );
  }
}

/** A version that a log does not have: not any more, or not yet. */
export class VersionNotKeptError extends EverfreshError {
  /** The kept version that is nearest to it. */
  readonly nearest: number;

  constructor(version: number, kept: { readonly oldest: number; readonly newest: number }) {
    const { oldest, newest } = kept;
    const nearest = Math.min(Math.max(version, oldest), newest);
    super(
      "EF_VERSION_NOT_KEPT",
      `Version ${version} is not in the log, which keeps versions ${oldest} to ${newest}; ` +
        `the nearest is ${nearest}`,
      { details: { version, oldest, newest, nearest } },
    );
    this.nearest = nearest;
  }
}
