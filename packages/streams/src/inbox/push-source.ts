import type { Row } from "../tables/check-row.ts";
import type { Inbox, InboxCounts, InboxItem, InboxOptions, InboxReceipt } from "./inbox.ts";
import { messageFields } from "./message-schema.ts";
import { openInbox } from "./open-inbox.ts";
import { followingOf } from "./following-of.ts";
import { replayRows } from "./replay-rows.ts";
import { TableSchemaError } from "../errors.ts";
import type { Source } from "../sources/source.ts";

/** Samples and labels that somebody sends. */
export interface PushBatch {
  /** Each as its schema says: fields, or the bytes of one JSON object. */
  readonly samples?: readonly (Row | Uint8Array)[];
  /** Labels of samples that came before or will come: `{ id, label }` by the schema's own names. */
  readonly labels?: readonly (Row | Uint8Array)[];
}

/** Options of {@link pushSource}. */
export type PushOptions = Omit<InboxOptions, "name"> & {
  /** What people call the source. @default "push" */
  readonly name?: string;
};

/** A source that is filled from outside, such as by HTTP. */
export interface PushSource extends Source, AsyncDisposable {
  /**
   * Takes a batch, all or nothing of it; when it resolves, it is stored. It may be sent again: by their
   * ids, what has come before counts as a duplicate and is not stored twice.
   * @throws InboxFullError when training does not keep up: to be sent again later (HTTP 429)
   * @throws InboxBatchError for too many rows (HTTP 413)
   * @throws QuarantineFullError when too many broken rows wait; InboxWriteError
   */
  accept(batch: PushBatch): Promise<InboxReceipt>;
  /** Forgets what is below a position, once it is safe elsewhere. @throws RangeError */
  release(to: number): Promise<void>;
  /** The counts so far. */
  counts(): InboxCounts;
  /** Erases a sample and its label; its position stays. Returns whether there was something. */
  erase(id: string): Promise<boolean>;
}

/**
 * Opens a source that others push samples into; they wait in a SQLite file until they are in the
 * history. Samples need ids, in a column of the schema.
 * @throws InboxUnreadableError, InboxVersionError, TableSchemaError
 */
export async function pushSource(options: PushOptions): Promise<PushSource> {
  const { id: idField } = messageFields(options.schema);
  if (idField === null) {
    throw new TableSchemaError("samples that are pushed need ids; add a column of kind id");
  }
  const inbox: Inbox = await openInbox({ ...options, name: options.name ?? "push" });
  const itemsOf = (
    rows: readonly (Row | Uint8Array)[] = [],
    kind: InboxItem["kind"],
  ): InboxItem[] =>
    rows.map((row) => ({
      ...{ kind, row, id: null, origin: `pushed ${kind}` },
      eventTimeMs: options.clock.nowMs(),
    }));
  return {
    ...{ name: inbox.name, schema: inbox.schema, size: inbox.size, idField },
    ...followingOf(
      { arrivals: (given) => inbox.arrivals(given), counts: () => inbox.counts() },
      options,
    ),
    read: (readOptions) => inbox.read(readOptions),
    accept: ({ samples, labels }) =>
      inbox.take([...itemsOf(samples, "sample"), ...itemsOf(labels, "label")]),
    release: (to) => inbox.release(to),
    counts: () => inbox.counts(),
    erase: (id) => inbox.erase(id),
    quarantine: options.quarantine,
    replay: (rows) => replayRows(inbox, options.schema, rows),
    [Symbol.asyncDispose]: () => inbox[Symbol.asyncDispose](),
  };
}
