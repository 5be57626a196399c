import { isErased, type LabelJoin, type LabelTurn } from "@everfresh/streams";
import type { DriftWatch } from "../drift/monitor/drift-watch.ts";
import type { WatchedLook } from "../drift/monitor/drift-watch-options.ts";
import type { ArrivalsOptions } from "./arrivals-options.ts";

/** Turns that are looked at in one go: bounds the memory that it takes. */
const TURNS_AT_ONCE = 256;

type Predicted = Extract<LabelTurn, { kind: "predicted" }>;

/**
 * Lets drift be watched where labels come by themselves: in the order in which a join took in samples
 * and labels and gave up predictions, which it keeps. So it is all the same whether that was just now or
 * before a crash.
 */
export class FollowedWatch {
  readonly #drift: DriftWatch;
  readonly #join: LabelJoin;
  readonly #session: ArrivalsOptions["session"];

  constructor(drift: DriftWatch, join: LabelJoin, session: ArrivalsOptions["session"]) {
    this.#drift = drift;
    this.#join = join;
    this.#session = session;
  }

  /** Turns below `to`, those that were not watched yet. */
  async past(to: number): Promise<void> {
    const drift = this.#drift;
    const until = Math.min(to, this.#join.turns().count);
    while (drift.watched < until) {
      const from = drift.watched;
      await this.#watch(await this.#join.turnsIn(from, Math.min(until, from + TURNS_AT_ONCE)));
    }
  }

  async #watch(turns: readonly LabelTurn[]): Promise<void> {
    const drift = this.#drift;
    const first = drift.watched;
    const looks = await this.#looksAt(turns);
    for (const [i, turn] of turns.entries()) {
      const number = first + i;
      if (turn.kind === "predicted" && !isErased(turn)) {
        const { sequence, version, outputs } = turn;
        const prediction = { sample: turn, sequence, version, outputs };
        drift.turn(number, prediction, [], looks.get(sequence));
        continue;
      }
      if (turn.kind === "expired") drift.expired(turn.sequence);
      drift.turn(number, null, turn.kind === "joined" ? [turn] : []);
    }
  }

  /** By their sequences; of samples that were erased there is nothing to see. */
  async #looksAt(turns: readonly LabelTurn[]): Promise<ReadonlyMap<number, WatchedLook>> {
    const looks = new Map<number, WatchedLook>();
    for (const run of runsIn(turns)) {
      const [first] = run;
      if (first === undefined) continue;
      const found = await this.#drift.look(first.sequence, run, { session: this.#session });
      found.forEach((look, i) => looks.set(first.sequence + i, look));
    }
    return looks;
  }
}

/** Samples whose sequences follow one another. */
function runsIn(turns: readonly LabelTurn[]): readonly (readonly Predicted[])[] {
  const runs: Predicted[][] = [];
  for (const turn of turns) {
    if (turn.kind !== "predicted" || isErased(turn)) continue;
    const run = runs.at(-1);
    if (run?.at(-1)?.sequence === turn.sequence - 1) run.push(turn);
    else runs.push([turn]);
  }
  return runs;
}
