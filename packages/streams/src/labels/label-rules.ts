/**
 * What a label join does, without where it stores things:
 *
 *   prediction ──► pending ──────── its label ──────► joined ──► released
 *                     │ too old, or too many             ▲
 *                     ▼                                  │ its sample
 *                  settled (expired)      label ──► early
 *
 * Ids that are joined or given up are remembered for a while, to know duplicates by.
 */
import { LabelBacklogError } from "../errors.ts";
import type {
  ArrivedLabel,
  LabelEvent,
  LabelFate,
  LabelLimits,
  LabelTurn,
  PendingPrediction,
  Prediction,
  PredictionFate,
  TakeOptions,
} from "./label-join.ts";
import type { EarlyLabel, LabelState, LabelTables } from "./label-tables.ts";
import { addLag } from "./lag-histogram.ts";

/** One call of a label join: changes the tables and the state together. */
export class LabelRules {
  readonly #tables: LabelTables;
  readonly #state: LabelState;
  readonly #limits: LabelLimits;

  /** @param nowMs time of the call; an earlier one than that of the call before counts as that */
  constructor(tables: LabelTables, state: LabelState, limits: LabelLimits, nowMs: number) {
    this.#tables = tables;
    this.#state = state;
    this.#limits = limits;
    state.nowMs = Math.max(state.nowMs, nowMs);
  }

  /** @throws LabelBacklogError before anything is changed */
  predicted(predictions: readonly Prediction[]): readonly PredictionFate[] {
    const { early } = this.#tables;
    this.#checkBacklog(predictions.filter(({ id }) => early.get(id) !== null).length);
    this.expire();
    return predictions.map((prediction) => this.#predict(prediction));
  }

  /** @throws RangeError, LabelBacklogError before anything is changed */
  labelled(labels: readonly ArrivedLabel[]): readonly LabelFate[] {
    const { pending } = this.#tables;
    checkNumbers(labels);
    this.#checkBacklog(labels.filter(({ id }) => pending.get(id) !== null).length);
    this.expire();
    return labels.map((label) => this.#label(label));
  }

  /** @throws RangeError, LabelBacklogError before anything is changed */
  take(events: readonly LabelEvent[], { cursor, keepTurns = false }: TakeOptions = {}): void {
    const { early } = this.#tables;
    const labels = events.flatMap((event) => (event.kind === "labelled" ? [event.label] : []));
    checkNumbers(labels);
    // No more than these can be joined; which of them will be is known only as they are taken in.
    const met = events.filter(
      (event) => event.kind === "predicted" && early.get(event.prediction.id) !== null,
    );
    this.#checkBacklog(labels.length + met.length);
    this.#state.cursor = cursor ?? this.#state.cursor;
    this.#state.keepsTurns = keepTurns;
    this.expire();
    for (const event of events) {
      this.#passTo(event.atMs ?? -Infinity);
      if (event.kind === "predicted") this.#predict(event.prediction);
      else this.#label(event.label);
    }
  }

  /** Gives up what is too old; returns how many predictions. */
  expire(): number {
    const { pending, early } = this.#tables;
    const dueMs = this.#state.nowMs - this.#limits.expireAfterMs;
    let expired = 0;
    for (
      let oldest = pending.oldest();
      oldest !== null && oldest.predictedAtMs <= dueMs;
      oldest = pending.oldest()
    ) {
      this.#giveUp(oldest);
      this.#state.expiredByAge++;
      expired++;
    }
    for (
      let oldest = early.oldest();
      oldest !== null && oldest.arrivedAtMs <= dueMs;
      oldest = early.oldest()
    ) {
      this.#giveUpEarly(oldest);
    }
    return expired;
  }

  /** @throws RangeError when there are not so many */
  releaseTurns(to: number): void {
    const { turns, turnsReleased } = this.#state;
    if (!Number.isSafeInteger(to) || to < 0 || to > turns) {
      throw new RangeError(`Of ${turns} turns, those below ${to} cannot be released`);
    }
    if (to <= turnsReleased) return;
    this.#tables.removeTurnsBelow(to);
    this.#state.turnsReleased = to;
  }

  /** @throws RangeError when there are not so many */
  release(to: number): void {
    const { released, joined } = this.#state;
    if (!Number.isSafeInteger(to) || to < 0 || to > joined) {
      throw new RangeError(`Of ${joined} joined predictions, those below ${to} cannot be released`);
    }
    if (to <= released) return;
    this.#tables.removeJoinedBelow(to);
    this.#state.released = to;
  }

  /** Removes all of an id, and blanks what is joined; whether there was something. */
  erase(id: string): boolean {
    const { pending, early, settled } = this.#tables;
    const prediction = pending.get(id);
    if (prediction !== null) {
      pending.remove(prediction);
      this.#state.pending--;
      this.#turn({ kind: "expired", sequence: prediction.sequence });
    }
    const label = early.get(id);
    if (label !== null) {
      early.remove(label);
      this.#state.early--;
    }
    const known = settled.get(id);
    if (known !== null) {
      settled.remove(known);
      this.#state.settled--;
    }
    const wasJoined = this.#tables.blankJoined(id);
    return wasJoined || prediction !== null || label !== null || known !== null;
  }

  /** Time goes by between two events. */
  #passTo(atMs: number): void {
    if (atMs <= this.#state.nowMs) return;
    this.#state.nowMs = atMs;
    this.expire();
  }

  #turn(turn: LabelTurn): void {
    if (this.#state.keepsTurns) this.#tables.addTurn(this.#state.turns++, turn);
  }

  #checkBacklog(more: number): void {
    const { joined, released } = this.#state;
    const waiting = joined - released;
    if (more > 0 && waiting + more > this.#limits.joinedMax) {
      throw new LabelBacklogError(waiting, this.#limits.joinedMax);
    }
  }

  #predict(prediction: Prediction): PredictionFate {
    const { pending, early, settled } = this.#tables;
    const state = this.#state;
    const { id } = prediction;
    if (pending.get(id) !== null || settled.get(id) !== null) {
      state.duplicatePredictions++;
      return "duplicate";
    }
    const waiting = early.get(id);
    const hasRoom = waiting !== null || state.pending < this.#limits.pendingMax;
    if (!hasRoom) {
      const oldest = pending.oldest();
      if (oldest !== null) this.#giveUp(oldest);
      state.expiredByRoom++;
    }
    const row = { ...prediction, sequence: state.nextPending++, predictedAtMs: state.nowMs };
    const { version, eventTimeMs, features, outputs, sequence } = row;
    this.#turn({ kind: "predicted", id, sequence, version, eventTimeMs, features, outputs });
    if (waiting !== null) {
      early.remove(waiting);
      state.early--;
      this.#join(row, waiting.label);
      return "joined";
    }
    pending.add(row);
    state.pending++;
    return "stored";
  }

  #label({ id, label }: ArrivedLabel): LabelFate {
    const { pending, early, settled } = this.#tables;
    const state = this.#state;
    const prediction = pending.get(id);
    if (prediction !== null) {
      pending.remove(prediction);
      state.pending--;
      this.#join(prediction, label);
      return "joined";
    }
    const known = settled.get(id);
    if (known !== null && known.label === null) {
      state.tooLate++;
      return "expired";
    }
    const first = known ?? early.get(id);
    if (first !== null) {
      state.duplicateLabels++;
      if (first.label !== label) state.conflicts++;
      return "duplicate";
    }
    if (this.#limits.earlyMax === 0) {
      state.tooLate++;
      return "expired";
    }
    if (state.early >= this.#limits.earlyMax) {
      const oldest = early.oldest();
      if (oldest !== null) this.#giveUpEarly(oldest);
    }
    early.add({ id, label, sequence: state.nextEarly++, arrivedAtMs: state.nowMs });
    state.early++;
    return "early";
  }

  #join(prediction: PendingPrediction, label: number): void {
    const state = this.#state;
    const { sequence, ...rest } = prediction;
    const lagSamples = state.nextPending - 1 - sequence;
    this.#tables.addJoined(state.joined++, {
      ...rest,
      label,
      labelledAtMs: state.nowMs,
      lagSamples,
    });
    this.#turn({ kind: "joined", sequence, label, outputs: prediction.outputs });
    this.#settle(prediction.id, label);
    addLag(state.lagMs, state.nowMs - prediction.predictedAtMs);
    addLag(state.lagSamples, lagSamples);
  }

  #giveUp(prediction: PendingPrediction): void {
    this.#tables.pending.remove(prediction);
    this.#state.pending--;
    this.#turn({ kind: "expired", sequence: prediction.sequence });
    this.#settle(prediction.id, null);
  }

  #giveUpEarly(label: EarlyLabel): void {
    this.#tables.early.remove(label);
    this.#state.early--;
    this.#state.earlyExpired++;
  }

  #settle(id: string, label: number | null): void {
    const { settled } = this.#tables;
    const state = this.#state;
    settled.add({ id, label, sequence: state.nextSettled++ });
    state.settled++;
    if (state.settled <= this.#limits.rememberedMax) return;
    const oldest = settled.oldest();
    if (oldest !== null) settled.remove(oldest);
    state.settled--;
  }
}

function checkNumbers(labels: readonly ArrivedLabel[]): void {
  for (const { id, label } of labels) {
    if (!Number.isFinite(label)) throw new RangeError(`Label ${label} of "${id}" is no number`);
  }
}
