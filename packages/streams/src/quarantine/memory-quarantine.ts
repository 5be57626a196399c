import { type Clock, crc32 } from "@everfresh/core";
import { QuarantineFullError } from "../errors.ts";
import type { FaultKind } from "../tables/row-fault.ts";
import {
  type BrokenRow,
  keptBytes,
  LISTED_DEFAULT,
  type Quarantine,
  type QuarantinedRow,
  type QuarantineListing,
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
  readonly #known = new Set<string>();
  #last = 0;

  constructor({ clock, waitingMax = WAITING_MAX_DEFAULT }: QuarantineOptions) {
    this.#clock = clock;
    this.#waitingMax = waitingMax;
  }

  put(rows: readonly BrokenRow[]): Promise<void> {
    const fresh = new Map<string, BrokenRow>();
    for (const row of rows) {
      const bytes = keptBytes(row.bytes);
      const key = JSON.stringify([row.source, row.place, crc32(bytes)]);
      if (!this.#known.has(key)) fresh.set(key, { ...row, bytes });
    }
    const waiting = this.#waiting.size;
    if (waiting + fresh.size > this.#waitingMax) {
      return Promise.reject(new QuarantineFullError(waiting, this.#waitingMax));
    }
    const atMs = this.#clock.nowMs();
    for (const [key, row] of fresh) {
      const number = ++this.#last;
      this.#known.add(key);
      this.#waiting.set(number, { ...row, number, atMs });
    }
    return Promise.resolve();
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

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
