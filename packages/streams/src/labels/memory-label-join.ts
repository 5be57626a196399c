import { assert } from "@everfresh/core";
import { blankFeatures, erasedId } from "../erasure/erased-sample.ts";
import {
  type JoinedPrediction,
  type LabelEvent,
  type LabelJoin,
  type LabelJoinOptions,
  type LabelTurn,
  labelLimits,
  type PendingPrediction,
  type Prediction,
} from "./label-join.ts";
import { checkJoinedRange, checkTurnRange } from "./label-ranges.ts";
import { LabelRules } from "./label-rules.ts";
import { statsOf } from "./label-stats.ts";
import { emptyLabelState, type LabelTables, type Table } from "./label-tables.ts";

/** A label join that lasts as long as the process: for tests, and for embedding without a disk. */
export function memoryLabelJoin(options: LabelJoinOptions): LabelJoin {
  const limits = labelLimits(options);
  const state = emptyLabelState();
  const joined = new Map<number, JoinedPrediction>();
  const pending = new Map<string, PendingPrediction>();
  const turns = new Map<number, LabelTurn>();
  const tables: LabelTables = {
    pending: memoryTable(pending),
    early: memoryTable(),
    settled: memoryTable(),
    addJoined: (number, prediction) => joined.set(number, prediction),
    addTurn: (number, turn) => turns.set(number, turn),
    blankJoined: (id) => {
      const found = [...joined].filter(([, prediction]) => prediction.id === id);
      for (const [number, prediction] of found) {
        const features = blankFeatures(prediction.features);
        joined.set(number, { ...prediction, id: erasedId(number), features });
      }
      for (const [number, turn] of turns) {
        if (turn.kind !== "predicted" || turn.id !== id) continue;
        const features = blankFeatures(turn.features);
        turns.set(number, { ...turn, id: erasedId(number), features });
      }
      return found.length > 0;
    },
    removeTurnsBelow: (number) => {
      for (let at = state.turnsReleased; at < number; at++) turns.delete(at);
    },
    removeJoinedBelow: (number) => {
      for (let at = state.released; at < number; at++) joined.delete(at);
    },
  };
  const rules = (): LabelRules => new LabelRules(tables, state, limits, options.clock.nowMs());
  // The methods are async so that their errors arrive as rejections, as from any other label join.
  /* eslint-disable @typescript-eslint/require-await */
  return {
    predicted: async (predictions) => rules().predicted(predictions.map(ownedPrediction)),
    labelled: async (labels) => rules().labelled(labels),
    take: async (events, how) => rules().take(events.map(ownedEvent), how),
    cursor: () => state.cursor,
    turns: () => ({ count: state.turns, released: state.turnsReleased }),
    turnsIn: async (from, to) => {
      checkTurnRange(from, to, state);
      return [...turns].flatMap(([number, turn]) => (number >= from && number < to ? [turn] : []));
    },
    releaseTurns: async (to) => rules().releaseTurns(to),
    expire: async () => rules().expire(),
    joinedCount: () => state.joined,
    joined: async (from, to) => {
      checkJoinedRange(from, to, state);
      return Array.from({ length: to - from }, (_, i) => {
        const prediction = joined.get(from + i);
        assert(prediction !== undefined, `joined prediction ${from + i} was checked`);
        return prediction;
      });
    },
    pending: async (from) => [...pending.values()].filter(({ sequence }) => sequence >= from),
    pendingBelow: (to) => [...pending.values()].filter(({ sequence }) => sequence < to).length,
    erase: async (id) => rules().erase(id),
    release: async (to) => rules().release(to),
    stats: () => statsOf(state),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** An event whose prediction has its own copy of features and outputs. */
function ownedEvent(event: LabelEvent): LabelEvent {
  if (event.kind === "labelled") return event;
  return { ...event, prediction: ownedPrediction(event.prediction) };
}

/** A map keeps the order in which rows were added, which is that of their numbers. */
function memoryTable<Row extends { readonly id: string }>(
  rows = new Map<string, Row>(),
): Table<Row> {
  return {
    get: (id) => rows.get(id) ?? null,
    oldest: () => {
      const first = rows.values().next();
      return first.done === true ? null : first.value;
    },
    add: (row) => rows.set(row.id, row),
    remove: (row) => rows.delete(row.id),
  };
}

/** A prediction with its own copy of features and outputs. */
function ownedPrediction(prediction: Prediction): Prediction {
  const { features, outputs } = prediction;
  const copy =
    features instanceof Float32Array ? new Float32Array(features) : new Uint8Array(features);
  return { ...prediction, features: copy, outputs: new Float32Array(outputs) };
}
