import { EverfreshError, type ErrorDetails } from "@everfresh/core";
import type { RowFault } from "./tables/row-fault.ts";

/** A file or directory of samples that is not there or cannot be read. */
export class SourceUnreadableError extends EverfreshError {
  constructor(message: string, options: { readonly cause?: unknown; readonly path: string }) {
    super("EF_SOURCE_UNREADABLE", message, {
      cause: options.cause,
      details: { path: options.path },
    });
  }
}

/** A file of samples that is in another format than the one that it was opened as. */
export class SourceFormatError extends EverfreshError {
  constructor(message: string, details: ErrorDetails) {
    super("EF_SOURCE_FORMAT", message, { details });
  }
}

/** A compressed file that is damaged, or that unpacks to more than a source may have. */
export class SourceGzipError extends EverfreshError {
  /** Whether it has only lost its end: what is before that is as it was written. */
  readonly isCut: boolean;

  constructor(path: string, reason: string, cause?: unknown) {
    super("EF_SOURCE_GZIP", `"${path}" does not unpack: ${reason}; fetch the file again`, {
      cause,
      details: { path },
    });
    this.isCut = (cause as { readonly code?: unknown } | undefined)?.code === "Z_BUF_ERROR";
  }
}

/** A file of samples that is shorter or longer than its content needs. */
export class SourceSizeError extends EverfreshError {
  constructor(message: string, details: ErrorDetails) {
    super("EF_SOURCE_SIZE", message, { details });
  }
}

/** Image and label files that do not belong together. */
export class SourceCountError extends EverfreshError {
  constructor(images: { path: string; count: number }, labels: { path: string; count: number }) {
    super(
      "EF_SOURCE_COUNT",
      `"${images.path}" has ${images.count} images, "${labels.path}" has ${labels.count} labels;` +
        " give the two files of the same set",
      { details: { images, labels } },
    );
  }
}

/** A label that is none of the classes of the target. */
export class SourceLabelError extends EverfreshError {
  constructor(path: string, position: number, label: number, classCount: number) {
    super(
      "EF_SOURCE_LABEL",
      `"${path}" has label ${label} at position ${position}; labels are 0 to ${classCount - 1}:` +
        " fix the file, or give a target with more classes",
      { details: { path, position, label, classCount } },
    );
  }
}

/** A description of a table's columns that cannot be. */
export class TableSchemaError extends EverfreshError {
  constructor(reason: string) {
    super("EF_TABLE_SCHEMA", `Table schema: ${reason}`);
  }
}

/** A row of a file that its table's schema does not take. */
export class SourceRowError extends EverfreshError {
  constructor(path: string, place: string, fault: RowFault) {
    const { kind, column, reason } = fault;
    const where = column === null ? place : `${place}, column ${column}`;
    super(
      "EF_SOURCE_ROW",
      `"${path}", ${where}: ${reason}; fix the row, change the schema, or give a quarantine`,
      { details: { path, place, column, kind } },
    );
  }
}

/** A file of broken rows that cannot be opened, read or created, or whose content is damaged. */
export class QuarantineUnreadableError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_QUARANTINE_UNREADABLE", `Quarantine "${file}" cannot be used: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** A file of broken rows that a newer Everfresh has written. */
export class QuarantineVersionError extends EverfreshError {
  constructor(file: string, found: number, supported: number) {
    super(
      "EF_QUARANTINE_VERSION",
      `Quarantine "${file}" has format ${found}, this program reads up to ${supported};` +
        " update Everfresh, or use another state directory",
      { details: { file, found, supported } },
    );
  }
}

/** Broken rows that were not stored because as many as may be are waiting already. */
export class QuarantineFullError extends EverfreshError {
  constructor(waiting: number, most: number) {
    super(
      "EF_QUARANTINE_FULL",
      `${waiting} broken rows are waiting, of at most ${most}; nothing was stored.` +
        " Fix or resolve some, or find out why the source breaks its schema",
      { details: { waiting, most } },
    );
  }
}

/** A history file that cannot be opened, read or created, or whose content is damaged. */
export class HistoryUnreadableError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_HISTORY_UNREADABLE", `History "${file}" cannot be used: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** A history file that a newer Everfresh has written. */
export class HistoryVersionError extends EverfreshError {
  constructor(file: string, found: number, supported: number) {
    super(
      "EF_HISTORY_VERSION",
      `History "${file}" has format ${found}, this program reads up to ${supported};` +
        " update Everfresh, or use another state directory",
      { details: { file, found, supported } },
    );
  }
}

/** A batch that was not stored because the disk or another program did not let it. */
export class HistoryWriteError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_HISTORY_WRITE", `History "${file}" cannot be written: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** A batch that was not stored because one of its samples is in the history already. */
export class DuplicateSampleError extends EverfreshError {
  constructor(id: string) {
    super(
      "EF_HISTORY_DUPLICATE",
      `Sample "${id}" is in the history already, nothing of its batch was stored;` +
        " give every sample its own id",
      { details: { id } },
    );
  }
}

/** A file of waiting predictions that cannot be opened, read or created, or whose content is damaged. */
export class LabelsUnreadableError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_LABELS_UNREADABLE", `Waiting predictions in "${file}" cannot be used: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** A file of waiting predictions that a newer Everfresh has written. */
export class LabelsVersionError extends EverfreshError {
  constructor(file: string, found: number, supported: number) {
    super(
      "EF_LABELS_VERSION",
      `Waiting predictions in "${file}" have format ${found}, this program reads up to ` +
        `${supported}; update Everfresh, or use another state directory`,
      { details: { file, found, supported } },
    );
  }
}

/** Predictions or labels that were not stored because the disk or another program did not let it. */
export class LabelsWriteError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_LABELS_WRITE", `Waiting predictions in "${file}" cannot be written: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** Labels that were not taken because what they are for is not fetched fast enough. */
export class LabelBacklogError extends EverfreshError {
  constructor(waiting: number, most: number) {
    super(
      "EF_LABELS_BACKLOG",
      `${waiting} labelled samples have not been taken into the history, of at most ${most}; ` +
        "nothing was stored. Send the labels again later, or let training catch up",
      { details: { waiting, most } },
    );
  }
}

/** A journal that cannot be opened, read or created, or whose content is damaged. */
export class JournalUnreadableError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_JOURNAL_UNREADABLE", `The journal in "${file}" cannot be used: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** A journal that a newer Everfresh has written. */
export class JournalVersionError extends EverfreshError {
  constructor(file: string, found: number, supported: number) {
    super(
      "EF_JOURNAL_VERSION",
      `The journal in "${file}" has format ${found}, this program reads up to ${supported};` +
        " update Everfresh, or use another state directory",
      { details: { file, found, supported } },
    );
  }
}

/** A record that was not stored because the disk or another program did not let it. */
export class JournalWriteError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_JOURNAL_WRITE", `The journal in "${file}" cannot be written: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** An inbox of samples that cannot be opened, read or created, or whose content is damaged. */
export class InboxUnreadableError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_INBOX_UNREADABLE", `The inbox in "${file}" cannot be used: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** An inbox that a newer Everfresh has written. */
export class InboxVersionError extends EverfreshError {
  constructor(file: string, found: number, supported: number) {
    super(
      "EF_INBOX_VERSION",
      `The inbox in "${file}" has format ${found}, this program reads up to ${supported};` +
        " update Everfresh, or use another file",
      { details: { file, found, supported } },
    );
  }
}

/** Samples that were not stored because the disk or another program did not let it. */
export class InboxWriteError extends EverfreshError {
  constructor(file: string, reason: string, cause?: unknown) {
    super("EF_INBOX_WRITE", `The inbox in "${file}" cannot be written: ${reason}`, {
      cause,
      details: { file },
    });
  }
}

/** Samples that were not taken because those before them are not fetched fast enough. */
export class InboxFullError extends EverfreshError {
  constructor(name: string, waiting: number, most: number) {
    super(
      "EF_INBOX_FULL",
      `${waiting} samples of "${name}" have not been taken into the history, of at most ${most};` +
        " nothing of the batch was stored. Send it again later, or let training catch up",
      { details: { name, waiting, most } },
    );
  }
}

/** A batch of more rows than one may have. */
export class InboxBatchError extends EverfreshError {
  constructor(rows: number, most: number) {
    super(
      "EF_INBOX_BATCH",
      `A batch of ${rows} rows, of at most ${most}; nothing was stored. Send it in parts`,
      { details: { rows, most } },
    );
  }
}

/** A position of an inbox that it does not have: its history is another one's. */
export class InboxPositionError extends EverfreshError {
  constructor(
    name: string,
    position: number,
    range: { readonly from: number; readonly to: number },
  ) {
    const { from, to } = range;
    super(
      "EF_INBOX_POSITION",
      `Inbox "${name}" has the samples ${from} to ${to}, and was asked for those from ${position} on:` +
        " it is not the one of this history. Use the inbox and the history that belong together, or" +
        " two empty ones",
      { details: { name, position, from, to } },
    );
  }
}

/** What can be wrong with a broker or what is to be read there. */
export type BrokerFault = "unreachable" | "unauthorized" | "missing" | "gap" | "failed";

const BROKER_FAULTS: {
  readonly [F in BrokerFault]: { readonly code: string; readonly wayOut: string };
} = {
  unreachable: {
    code: "EF_BROKER_UNREACHABLE",
    wayOut: "check the address, and that the broker runs",
  },
  unauthorized: {
    code: "EF_BROKER_UNAUTHORIZED",
    wayOut: "check user, password, token or credentials, and what they may read",
  },
  missing: {
    code: "EF_BROKER_MISSING",
    wayOut: "check the name of the stream or topic, or make it",
  },
  gap: {
    code: "EF_BROKER_GAP",
    wayOut: 'read on behind it with missing: "skip", or begin with an empty state directory',
  },
  failed: { code: "EF_BROKER_FAILED", wayOut: "see the broker's own log" },
};

/** A broker of messages, or what is to be read there, that is not as it must be. */
export class BrokerError extends EverfreshError {
  /** What it is. */
  readonly fault: BrokerFault;

  constructor(address: string, fault: BrokerFault, reason: string, cause?: unknown) {
    const { code, wayOut } = BROKER_FAULTS[fault];
    super(code, `${address}: ${reason}; ${wayOut}`, { cause, details: { address } });
    this.fault = fault;
  }
}
