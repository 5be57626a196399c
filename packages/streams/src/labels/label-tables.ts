import type { ArrivedLabel, JoinedPrediction, LabelTurn, PendingPrediction } from "./label-join.ts";
import { type LagCounts, noLags } from "./lag-histogram.ts";

/** A label that waits. */
export interface EarlyLabel extends ArrivedLabel {
  /** Its number among all early labels. */
  readonly sequence: number;
  readonly arrivedAtMs: number;
}

/** An id that is done with. */
export interface SettledId {
  readonly id: string;
  /** Its number among all of these. */
  readonly sequence: number;
  /** null when its prediction was given up. */
  readonly label: number | null;
}

/** Rows with a unique id and a number that ascends. */
export interface Table<Row> {
  get(id: string): Row | null;
  /** The row with the smallest number. */
  oldest(): Row | null;
  add(row: Row): void;
  remove(row: Row): void;
}

/** What a label join stores: the same for all implementations. */
export interface LabelTables {
  readonly pending: Table<PendingPrediction>;
  readonly early: Table<EarlyLabel>;
  readonly settled: Table<SettledId>;
  /** Adds the joined prediction with this number. */
  addJoined(number: number, joined: JoinedPrediction): void;
  /** Adds the turn with this number. */
  addTurn(number: number, turn: LabelTurn): void;
  /** Takes id and features from the joined ones of an id, and its turns; whether there was one. */
  blankJoined(id: string): boolean;
  /** Removes the joined ones below this number. */
  removeJoinedBelow(number: number): void;
  /** Removes the turns below this number. */
  removeTurnsBelow(number: number): void;
}

/** What a label join knows beside its tables, as plain data. */
export interface LabelState {
  /** The latest time that it has seen. */
  nowMs: number;
  /** Numbers of the next row of each table. */
  nextPending: number;
  nextEarly: number;
  nextSettled: number;
  /** Rows of each table. */
  pending: number;
  early: number;
  settled: number;
  /** Number of the next joined prediction, and of the first that is not released. */
  joined: number;
  released: number;
  /** The same of turns, and whether there are to be more. */
  turns: number;
  turnsReleased: number;
  keepsTurns: boolean;
  /** How far the origin of events has been read. */
  cursor: number;
  expiredByAge: number;
  expiredByRoom: number;
  earlyExpired: number;
  tooLate: number;
  duplicateLabels: number;
  duplicatePredictions: number;
  conflicts: number;
  lagMs: LagCounts;
  lagSamples: LagCounts;
}

/** The state of a label join that nothing has happened to. */
export function emptyLabelState(): LabelState {
  return {
    nowMs: 0,
    nextPending: 0,
    nextEarly: 0,
    nextSettled: 0,
    pending: 0,
    early: 0,
    settled: 0,
    joined: 0,
    released: 0,
    turns: 0,
    turnsReleased: 0,
    keepsTurns: false,
    cursor: 0,
    expiredByAge: 0,
    expiredByRoom: 0,
    earlyExpired: 0,
    tooLate: 0,
    duplicateLabels: 0,
    duplicatePredictions: 0,
    conflicts: 0,
    lagMs: noLags(),
    lagSamples: noLags(),
  };
}
