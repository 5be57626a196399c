import type { DriftActionRecord, DriftPosition, DriftRecord } from "@everfresh/core";
import { type ErrorMemory, lastOutcomeOf, outcomeOf } from "./outcome-test.ts";

/** Drifts whose labels are awaited at most; the oldest one is given up, unsettled. */
const AWAITED_MAX = 8;
/** After so many times `withinSamples` without enough labels a drift is given up, too. */
const PATIENCE = 8;
/** Outcomes are looked for once in so many labels. */
const EVERY_LABELS = 10;

/** A record without what only the history knows. */
export type NewRecord = Omit<DriftRecord, "id" | "outcomeAt" | "action">;

/** What becomes of an open record. */
export type SettledOutcome = Exclude<DriftRecord["outcome"], "open">;

/** A record, and what has become of it. */
export interface Settlement {
  readonly id: number;
  readonly outcome: SettledOutcome;
}

/** A drift that was seen without labels. */
export interface AwaitedDrift {
  /** Of its record. */
  readonly id: number;
  /** The first sequence after the change, as estimated, and that at which it was seen. */
  readonly since: number;
  readonly at: number;
}

/** Warnings and drifts that were seen, the newest of them, and what became of them. */
export class DriftRecords {
  readonly #most: number;
  readonly #withinSamples: number;
  #records: DriftRecord[] = [];
  #made = 0;
  #labels = 0;
  #awaited: readonly AwaitedDrift[] = [];

  constructor(options: { readonly historyRecords: number; readonly withinSamples: number }) {
    this.#most = options.historyRecords;
    this.#withinSamples = options.withinSamples;
  }

  /** Records ever made. */
  get made(): number {
    return this.#made;
  }

  /** The newest records, the oldest first. */
  get all(): readonly DriftRecord[] {
    return this.#records;
  }

  /** The drifts whose labels are awaited, the oldest first. */
  get awaited(): readonly AwaitedDrift[] {
    return this.#awaited;
  }

  /** Adds a record; of an open drift labels are awaited from `since` on. */
  add(record: NewRecord, since: number): DriftRecord {
    const isOpen = record.outcome === "open";
    const added: DriftRecord = {
      id: ++this.#made,
      ...record,
      outcomeAt: isOpen ? null : record.at,
      action: null,
    };
    this.#records = [...this.#records, added].slice(-this.#most);
    if (isOpen && record.verdict === "drift") {
      const awaited = { id: added.id, since, at: record.at.sequence };
      const [oldest] = this.#awaited;
      if (oldest !== undefined && this.#awaited.length === AWAITED_MAX) {
        this.settle(oldest.id, "unsettled", record.at);
      }
      this.#awaited = [...this.#awaited, awaited];
    }
    return added;
  }

  /** Says what became of an open record; null where it is not kept any more. */
  settle(id: number, outcome: SettledOutcome, outcomeAt: DriftPosition): DriftRecord | null {
    this.#awaited = this.#awaited.filter((each) => each.id !== id);
    return this.#change(id, { outcome, outcomeAt });
  }

  /** What was done goes into the newest record. */
  acted(action: DriftActionRecord): void {
    this.#change(this.#made, { action });
  }

  /** Looks, once in a few labels, for a drift that labels up to `now` settle. */
  outcome(errors: ErrorMemory, now: number): Settlement | null {
    if (this.#awaited.length === 0 || ++this.#labels % EVERY_LABELS !== 0) return null;
    const withinSamples = this.#withinSamples;
    for (const { id, since } of this.#awaited) {
      if (now >= since + PATIENCE * withinSamples) return { id, outcome: "unsettled" };
      const outcome = outcomeOf(errors, { since, now, withinSamples });
      if (outcome !== "open") return { id, outcome };
    }
    return null;
  }

  /** What is to become of the awaited drifts where no more labels can tell, the oldest first. */
  lastOutcomes(errors: ErrorMemory): readonly Settlement[] {
    return this.#awaited.map(({ id, since }) => ({ id, outcome: lastOutcomeOf(errors, since) }));
  }

  /** What is not in the records. */
  numbers(): readonly number[] {
    const awaited = this.#awaited.flatMap(({ id, since, at }) => [id, since, at]);
    return [this.#made, this.#labels, ...awaited];
  }

  /** Remembers what there was. */
  remember(records: readonly DriftRecord[], numbers: readonly number[]): void {
    const [made = 0, labels = 0, ...awaited] = numbers;
    this.#records = [...records];
    this.#made = made;
    this.#labels = labels;
    this.#awaited = Array.from({ length: awaited.length / 3 }, (_, i) => {
      const [id = 0, since = 0, at = 0] = awaited.slice(3 * i);
      return { id, since, at };
    });
  }

  #change(id: number, change: Partial<DriftRecord>): DriftRecord | null {
    const at = this.#records.findIndex((record) => record.id === id);
    const record = this.#records[at];
    if (record === undefined) return null;
    const changed = { ...record, ...change };
    this.#records = this.#records.with(at, changed);
    return changed;
  }
}
