/**
 * From verdicts to what a strategy does:
 *
 *   drift, confirmed by labels ────────────► onDrift, once per record
 *   drift, not confirmed yet ──────────────► onWarning; onDrift where `actsUnconfirmed`
 *   warning ───────────────────────────────► onWarning
 *   withdrawn: labels say otherwise ───────► all of the history is drawn from again
 *   unsettled: labels cannot say ──────────► what was begun stays
 *
 * Everything that a verdict has led to is plain data, so it lies in checkpoints and journals.
 */
import type { DriftActionRecord } from "@everfresh/core";
import type { VerdictEvent } from "../../triggers/trigger.ts";
import {
  type DriftActionSpec,
  type DriftResponse,
  NEW_DATA_SAMPLES,
  RETRAIN_SAMPLES_MIN,
  type RetrainActionSpec,
  WINDOW_SAMPLES_MIN,
} from "./response-spec.ts";

/** What verdicts have led to, as plain data. */
export interface ResponseState {
  /** What was decided last; null before. */
  readonly action: DriftActionRecord | null;
  /** Number of the record that this was about; null where it had none. */
  readonly record: number | null;
  /** What is drawn from; null: everything. */
  readonly window: ResponseWindow | null;
  /** How many samples of a step are new; null: as many as the strategy says. */
  readonly newData: { readonly triggerSize: number; readonly until: number } | null;
  /** A retraining that is to come; null where none is. */
  readonly retraining: PendingRetraining | null;
  /** Whether the next step is the first one of an optimizer. */
  readonly isRewarmDue: boolean;
}

/** Positions of the history from `from` on, and of the newest `samplesMin` in any case. */
export interface ResponseWindow {
  readonly from: number;
  readonly samplesMin: number;
  /** Samples taken up at which all of the history is drawn from again; null: never by itself. */
  readonly until: number | null;
}

/** A retraining that waits for its samples. */
export interface PendingRetraining {
  /** Position of the first sample since the change. */
  readonly from: number;
  /** Samples taken up at which it is due. */
  readonly at: number;
  readonly steps: number;
  readonly start: "cold" | "warm";
  /** Only samples of these classes; null for all. */
  readonly classes: readonly number[] | null;
}

/** Nothing has happened yet. */
export const NO_RESPONSE: ResponseState = {
  action: null,
  record: null,
  window: null,
  newData: null,
  retraining: null,
  isRewarmDue: false,
};

const ON_WARNING_DEFAULT: DriftActionSpec = { kind: "warn" };
const ON_DRIFT_DEFAULT: DriftActionSpec = { kind: "window" };

/** What a response is decided by. */
export interface ResponseSituation {
  readonly spec: DriftResponse;
  /** Samples that training has taken up. */
  readonly past: number;
  /** Of a step, as the strategy says. */
  readonly triggerSize: number;
}

/** The state after a verdict; the same object where that leads to nothing. */
export function respond(
  state: ResponseState,
  event: VerdictEvent,
  { spec, past, triggerSize }: ResponseSituation,
): ResponseState {
  const { verdict, outcome = "confirmed", record = null } = event;
  if (outcome === "withdrawn") return undone(state, event);
  if (outcome === "unsettled") return state;
  if (verdict === "stable") return state;
  const counts = verdict === "drift" && (outcome === "confirmed" || spec.actsUnconfirmed === true);
  const action = counts
    ? (spec.onDrift ?? ON_DRIFT_DEFAULT)
    : (spec.onWarning ?? ON_WARNING_DEFAULT);
  // A record is told of again when labels confirm it, or when a warning becomes a drift.
  const isSame = record !== null && record === state.record;
  if (isSame && state.action?.kind === action.kind) return state;
  const range = { from: Math.min(event.since ?? past, past), to: past };
  const begun = begin(state, action, { ...event, past, triggerSize });
  const decided = { kind: action.kind, filter: filterOf(action), why: whyOf(event) };
  return { ...begun, record, action: { ...decided, range, versions: null } };
}

/** The first position that may be drawn once so many samples are taken up. */
export function drawnFrom({ window }: ResponseState, past: number): number {
  if (window === null || (window.until !== null && past >= window.until)) return 0;
  const { from, samplesMin } = window;
  // Moved in strides, so that a sampler which keeps an index is not made anew for every step.
  const stride = Math.max(1, samplesMin >> 3);
  const newest = Math.max(0, Math.floor((past - samplesMin) / stride) * stride);
  return Math.min(from, newest);
}

/** New samples per step once so many samples are taken up. */
export function triggerSizeAt({ newData }: ResponseState, past: number, usual: number): number {
  return newData === null || past >= newData.until ? usual : newData.triggerSize;
}

function begin(
  state: ResponseState,
  action: DriftActionSpec,
  event: VerdictEvent & Pick<ResponseSituation, "past" | "triggerSize">,
): ResponseState {
  const { past } = event;
  switch (action.kind) {
    case "nothing":
    case "warn":
    case "rollBack":
      return state;
    case "newData": {
      const until = past + (action.forSamples ?? NEW_DATA_SAMPLES);
      return { ...state, newData: { triggerSize: action.triggerSize, until } };
    }
    case "rewarm":
      return { ...state, isRewarmDue: true };
    case "window": {
      const { samplesMin = WINDOW_SAMPLES_MIN, forSamples } = action;
      const until = forSamples === undefined ? null : past + forSamples;
      return { ...state, window: { from: event.since ?? past, samplesMin, until } };
    }
    case "retrain":
      return { ...state, ...chosenData(action, event) };
    default:
      return action satisfies never;
  }
}

function chosenData(
  { steps, start = "warm", samplesMin = RETRAIN_SAMPLES_MIN, classes }: RetrainActionSpec,
  { past, since }: VerdictEvent & { readonly past: number },
): Pick<ResponseState, "window" | "retraining"> {
  // Without an estimate the newest ones are taken for those since the change.
  const from = since ?? Math.max(0, past - samplesMin);
  return {
    window: { from, samplesMin, until: null },
    retraining: {
      from,
      at: Math.max(past, from + samplesMin),
      steps,
      start,
      classes: classes ?? null,
    },
  };
}

/** What was done about a record that labels do not confirm is undone; what is trained is trained. */
function undone(state: ResponseState, { record }: VerdictEvent): ResponseState {
  const kind = state.action?.kind ?? "nothing";
  const isIdle = kind === "nothing" || kind === "warn";
  if (isIdle || record === undefined || record !== state.record) return state;
  const why = "labels do not confirm the drift";
  const action: DriftActionRecord = {
    ...{ kind: "nothing", range: null, filter: null, why, versions: null },
  };
  return { ...NO_RESPONSE, record, action };
}

function filterOf(action: DriftActionSpec): string | null {
  if (action.kind !== "retrain" || action.classes === undefined) return null;
  return `only classes ${action.classes.join(", ")}`;
}

function whyOf({ verdict, outcome = "confirmed", since = null, likelihood }: VerdictEvent): string {
  const seen = verdict === "warning" ? "a warning" : `a drift that is ${outcome}`;
  const place = since === null ? "" : `, the change at about position ${since}`;
  const chance = likelihood === undefined ? "" : `, likelihood ${likelihood.toFixed(2)}`;
  return `${seen}${place}${chance}`;
}
