import type { Clock } from "@everfresh/core";
import { QuarantineFullError } from "../errors.ts";
import type { FaultKind } from "../tables/row-fault.ts";
import {
  type BrokenRow,
  keptBytes,
  LISTED_DEFAULT,
  type Quarantine,
  type QuarantinedRow,
  type QuarantineListing,
  rowKey,
  WAITING_MAX_DEFAULT,
} from "./quarantine.ts";

/** What every quarantine is opened with. */
export interface QuarantineOptions {
  /** Says when rows came. */
  readonly clock: Pick<Clock, "nowMs">;
  /** How many rows may wait. @default 100000 */
  readonly waitingMax?: number;
}

/** A quarantine that ends with the process. */
export function memoryQuarantine(options: QuarantineOptions): Quarantine {
  return new MemoryQuarantine(options);
}

class MemoryQuarantine implements Quarantine {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #waitingMax: number;
  readonly #waiting = new Map<number, QuarantinedRow>();
  /** Keys of all rows ever stored, by their source. */
  readonly #known = new Map<string, Set<string>>();
  #last = 0;

  constructor({ clock, waitingMax = WAITING_MAX_DEFAULT }: QuarantineOptions) {
    this.#clock = clock;
    this.#waitingMax = waitingMax;
  }

  put(rows: readonly BrokenRow[]): Promise<void> {
    const fresh = new Map<string, BrokenRow>();
    for (const row of rows) {
      const bytes = keptBytes(row.bytes);
      const key = rowKey(row.place, bytes);
      const isKnown = this.#known.get(row.source)?.has(key) ?? false;
      if (!isKnown) fresh.set(JSON.stringify([row.source, key]), { ...row, bytes });
    }
    const waiting = this.#waiting.size;
    if (waiting + fresh.size > this.#waitingMax) {
      return Promise.reject(new QuarantineFullError(waiting, this.#waitingMax));
    }
    const atMs = this.#clock.nowMs();
    for (const row of fresh.values()) {
      const number = ++this.#last;
      const known = this.#known.get(row.source) ?? new Set();
      this.#known.set(row.source, known.add(rowKey(row.place, row.bytes)));
      this.#waiting.set(number, { ...row, number, atMs });
    }
    return Promise.resolve();
  }

  known(source: string): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set(this.#known.get(source)));
  }

  list({ after = 0, limit = LISTED_DEFAULT }: QuarantineListing = {}): Promise<
    readonly QuarantinedRow[]
  > {
    const rows = [...this.#waiting.values()].filter(({ number }) => number > after);
    return Promise.resolve(rows.slice(0, limit));
  }

  counts(): Promise<Readonly<Partial<Record<FaultKind, number>>>> {
    const counts: Partial<Record<FaultKind, number>> = {};
    for (const { fault } of this.#waiting.values()) {
      counts[fault.kind] = (counts[fault.kind] ?? 0) + 1;
    }
    return Promise.resolve(counts);
  }

  resolve(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) this.#waiting.delete(number);
    return Promise.resolve();
  }

  erase(isMeant: (row: BrokenRow) => boolean): Promise<number> {
    // Of resolved rows nothing is kept but their keys.
    const meant = [...this.#waiting.values()].filter(isMeant);
    for (const { number } of meant) this.#waiting.delete(number);
    return Promise.resolve(meant.length);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
