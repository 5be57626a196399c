import { setImmediate } from "node:timers/promises";
import type Database from "better-sqlite3";
import { assert, bytesPerElement, type Sample, type SampleSchema, sizeOf } from "@everfresh/core";
import { wipeOut } from "../erasure/wipe-out.ts";
import { InboxBatchError, InboxFullError, InboxPositionError } from "../errors.ts";
import { labelLimits } from "../labels/label-join.ts";
import { checkFrom } from "../sources/indexed-samples.ts";
import type { Arrival } from "../sources/following.ts";
import type { ReadOptions } from "../sources/source.ts";
import type { RowFault } from "../tables/row-fault.ts";
import {
  BATCH_ROWS_MAX,
  type Inbox,
  type InboxCounts,
  type InboxItem,
  type InboxOptions,
  type InboxReceipt,
  REASONS_MAX,
} from "./inbox.ts";
import {
  countsOf,
  type InboxState,
  inboxUnreadable,
  inboxUnwritable,
  openInboxDatabase,
} from "./inbox-database.ts";
import { type InboxPlan, InboxPlanner } from "./inbox-rules.ts";
import { type InboxTables, inboxTables } from "./inbox-tables.ts";
import { messageSampleSchema } from "./message-schema.ts";

/** Samples that wait, where the options do not say, */
const SAMPLES_MAX_DEFAULT = 100_000;
/** and bytes of them, whatever the options say of samples: a part of any disk. */
const BYTES_MAX = 512 * 2 ** 20;

/** Samples that a reading has in memory. */
const SAMPLES_PER_READ = 256;

/** Samples between two turns of the event loop, so that a reader cannot starve a cancellation. */
const SAMPLES_PER_TURN = 64;

/**
 * Opens or creates an inbox in a SQLite file (WAL mode, synchronous NORMAL): what was acknowledged
 * survives the death of the process, `kill -9` included; a power failure may lose the last moments, but
 * never a part of a batch. One process at a time uses it.
 * @throws InboxUnreadableError, InboxVersionError, TableSchemaError
 */
export function openInbox(options: InboxOptions): Promise<Inbox> {
  // The work is synchronous; as a promise its errors arrive as rejections.
  return Promise.resolve().then(() => new SqliteInbox(options));
}

class SqliteInbox implements Inbox {
  readonly name: string;
  readonly schema: SampleSchema;
  readonly size = null;
  readonly #options: InboxOptions;
  readonly #samplesMax: number;
  readonly #database: Database.Database;
  readonly #tables: InboxTables;
  /** As it is stored. */
  #state: InboxState;
  /** The call before: they take effect one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();
  #isClosed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.name = options.name;
    this.schema = messageSampleSchema(options.schema);
    const { dtype, shape } = this.schema.features;
    const affordable = Math.floor(BYTES_MAX / (sizeOf(shape) * bytesPerElement(dtype)));
    this.#samplesMax = Math.min(affordable, options.samplesMax ?? SAMPLES_MAX_DEFAULT);
    const { database, state } = openInboxDatabase(options.file, {
      ...{ name: options.name, follows: options.labelsFollow ?? false },
    });
    this.#database = database;
    this.#state = state;
    try {
      this.#tables = inboxTables(database);
    } catch (cause) {
      database.close();
      throw inboxUnreadable(options.file, cause);
    }
  }

  get id(): string {
    return this.#state.id;
  }

  take(items: readonly InboxItem[], cursor?: string): Promise<InboxReceipt> {
    return this.#inTurn(async () => {
      const { quarantine, clock } = this.#options;
      const nowMs = clock.nowMs();
      const plan = this.#planOf(items, nowMs);
      // Before the cursor goes on: what breaks in between comes again, and the quarantine knows it.
      await quarantine.put(
        plan.faults.map(({ index, bytes, fault }) => {
          const place = items[index]?.origin ?? "";
          return { source: this.name, place, bytes, fault };
        }),
      );
      this.#write((state) => {
        this.#store(plan, state, nowMs);
        state.quarantined += plan.faults.length;
        state.cursor = cursor ?? state.cursor;
      });
      const { accepted, duplicates, joined, early, conflicts: unused, faults } = plan;
      return {
        ...{ accepted, duplicates, quarantined: faults.length, joined, early, unused },
        reasons: faults.slice(0, REASONS_MAX).map(({ index, fault: { kind, column, reason } }) => ({
          index,
          reason: `${kind}${column === null ? "" : ` in ${column}`}: ${reason}`,
        })),
        count: this.#state.count,
      };
    });
  }

  retake(items: readonly InboxItem[]): Promise<readonly (RowFault | null)[]> {
    return this.#inTurn(() => {
      const nowMs = this.#options.clock.nowMs();
      const plan = this.#planOf(items, nowMs);
      this.#write((state) => this.#store(plan, state, nowMs));
      const faults = new Map(plan.faults.map(({ index, fault }) => [index, fault]));
      return Promise.resolve(items.map((_, index) => faults.get(index) ?? null));
    });
  }

  cursor(): string | null {
    return this.#state.cursor;
  }

  release(to: number): Promise<void> {
    return this.#inTurn(() => {
      const { count, released } = this.#state;
      if (!Number.isSafeInteger(to) || to < 0 || to > count) {
        throw new RangeError(`Of ${count} samples, those below ${to} cannot be released`);
      }
      if (to > released) {
        this.#write((state) => {
          this.#tables.removeBelow(to);
          state.released = to;
        });
      }
      return Promise.resolve();
    });
  }

  async room(signal: AbortSignal): Promise<void> {
    if (!this.#isClosed) await this.#change(signal);
  }

  origin(position: number): Promise<string | null> {
    return Promise.resolve().then(() => this.#reading(() => this.#tables.origin(position)));
  }

  counts(): InboxCounts {
    return countsOf(this.#state, this.#tables.countEarly());
  }

  erase(id: string): Promise<boolean> {
    return this.#inTurn(() => {
      let isErased = false;
      try {
        wipeOut(this.#database, () => {
          isErased = this.#tables.erase(id);
        });
      } catch (cause) {
        throw inboxUnwritable(this.#options.file, cause);
      }
      return Promise.resolve(isErased);
    });
  }

  read(options: ReadOptions = {}): AsyncIterable<Sample> {
    assert(!this.#state.follows, "where labels follow, samples have none");
    checkFrom(options.from ?? 0);
    return this.#rows(
      options,
      (at) => this.#tables.samples(at, SAMPLES_PER_READ),
      (at) => at + 1,
    );
  }

  arrivals(options: ReadOptions = {}): AsyncIterable<Arrival> {
    checkFrom(options.from ?? 0);
    return this.#rows(
      options,
      (at) => this.#tables.arrivals(at, SAMPLES_PER_READ),
      (_, { place }) => place + 1,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    this.#isClosed = true;
    this.#announce();
    this.#database.close();
  }

  /** @param after the position after a row's */
  async *#rows<Row>(
    { from = 0, signal }: ReadOptions,
    rowsFrom: (at: number) => readonly Row[],
    after: (at: number, row: Row) => number,
  ): AsyncGenerator<Row, void, undefined> {
    let given = 0;
    for (let at = from; !this.#isClosed;) {
      signal?.throwIfAborted();
      const { count, released } = this.#state;
      if (at < released || at > count) {
        throw new InboxPositionError(this.name, at, { from: released, to: count });
      }
      const found = this.#reading(() => rowsFrom(at));
      for (const row of found) {
        if (given++ % SAMPLES_PER_TURN === 0) await setImmediate();
        signal?.throwIfAborted();
        at = after(at, row);
        yield row;
      }
      if (found.length === 0) await this.#change(signal);
    }
  }

  /** The next change; or that the signal is aborted. */
  async #change(signal: AbortSignal | undefined): Promise<void> {
    const aborted: PromiseWithResolvers<void> = Promise.withResolvers();
    const abort = (): void => aborted.resolve();
    if (signal?.aborted === true) return;
    signal?.addEventListener("abort", abort, { once: true });
    await Promise.race([this.#changed.promise, aborted.promise]);
    signal?.removeEventListener("abort", abort);
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** @throws InboxBatchError, InboxFullError */
  #planOf(items: readonly InboxItem[], nowMs: number): InboxPlan {
    if (items.length > BATCH_ROWS_MAX) throw new InboxBatchError(items.length, BATCH_ROWS_MAX);
    const { schema, labelsFollow = false } = this.#options;
    const plan = this.#reading(
      () => new InboxPlanner(items, this.#tables, { schema, labelsFollow, nowMs }),
    );
    const { count, released } = this.#state;
    if (plan.positions > 0 && count - released + plan.positions > this.#samplesMax) {
      throw new InboxFullError(this.name, count - released, this.#samplesMax);
    }
    return plan;
  }

  #store(plan: InboxPlan, state: InboxState, nowMs: number): void {
    plan.store(this.#tables, state.count, nowMs);
    this.#expire(state, nowMs);
    state.count += plan.positions;
    state.duplicates += plan.duplicates;
    state.duplicateLabels += plan.duplicateLabels;
    state.conflicts += plan.conflicts;
  }

  #expire(state: InboxState, nowMs: number): void {
    const { pendingMax, expireAfterMs } = labelLimits(this.#options);
    state.earlyExpired += this.#tables.expireEarly(nowMs - expireAfterMs, pendingMax);
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw inboxUnreadable(this.#options.file, cause);
    }
  }

  /** Makes a change and the state after it durable together, or neither. */
  #write(change: (state: InboxState) => void): void {
    const state = { ...this.#state };
    try {
      this.#database
        .transaction(() => {
          change(state);
          this.#tables.saveState(state);
        })
        .immediate();
    } catch (cause) {
      throw inboxUnwritable(this.#options.file, cause);
    }
    this.#state = state;
    this.#announce();
  }
}
