import { type Continuation, continuationLabel, continuationName } from "./continuation.ts";

/**
 * The rows of the papers' tables, as plain data. A row is one strategy on one stream: what is learned
 * when, and what of it is deployed.
 */

/** What an update keeps of a change. */
export type Compression = SelectedShare | Quantised;

/** A share of the entries. */
export interface SelectedShare {
  /** The largest entries, or random ones. */
  readonly selector: "topK" | "randomK";
  /** Above 0, at most 1. */
  readonly ratio: number;
}

/** All entries, each rounded at random to one of 2^bits − 1 levels (QSGD). */
export interface Quantised {
  readonly selector: "qsgd";
  /** 1 to 8. */
  readonly bits: number;
}

/** The model of the initial training, which is never touched again. */
export interface FrozenRow {
  readonly kind: "frozen";
}

/** Every sample is trained on once, in batches of new samples only. */
export interface OnlineRow {
  readonly kind: "online";
}

/** Training from scratch on everything so far, again and again; or once on all samples that exist. */
export interface FullRetrainingRow {
  readonly kind: "fullRetraining";
  readonly on: "past" | "everything";
}

/** A step on `triggerSize` new samples and old ones; all of it is deployed. */
export interface ProactiveRow {
  readonly kind: "proactive";
  readonly triggerSize: number;
}

/** The same, or online training, with an optimizer that does not go on as in the paper. */
export interface ContinuedRow extends Continuation {
  readonly kind: "continued";
  /** What it is for: to mend the dip at the start, or to have less noise in the end. */
  readonly study: "warmStart" | "schedule";
  /** Proactive with the smallest trigger size. */
  readonly strategy: "proactive" | "online";
}

/** A copy that follows a trained state by sparse changes of its weights. */
export interface WeightsRow {
  readonly kind: "weights";
  readonly compression: Compression;
  /** Whose state; by default that of the smallest trigger size. */
  readonly of?: ContinuedRow;
}

/** The exponential moving average of a trained state: what a copy would be that only averages. */
export interface AverageRow {
  readonly kind: "average";
  /** Of the average with each step, above 0 and below 1. */
  readonly decay: number;
  /** Whose state; by default that of the smallest trigger size. */
  readonly of?: ContinuedRow;
}

/** Training by a sparse part of gradient and memory, of each tensor by itself. */
export interface GradientsRow {
  readonly kind: "gradients";
  /** "adam" as in the paper's experiments, "sgd" as in its Algorithm 1. */
  readonly optimizer: "adam" | "sgd";
  readonly compression: Compression;
}

/** One row. */
export type RowSpec =
  | FrozenRow
  | OnlineRow
  | FullRetrainingRow
  | ProactiveRow
  | ContinuedRow
  | WeightsRow
  | AverageRow
  | GradientsRow;

const NAMES: { readonly [K in RowSpec["kind"]]: (row: Extract<RowSpec, { kind: K }>) => string } = {
  frozen: () => "frozen",
  online: () => "online",
  fullRetraining: ({ on }) => (on === "past" ? "full-retraining-past" : "full-retraining-whole"),
  proactive: ({ triggerSize }) => `proactive-${triggerSize}`,
  continued: (row) => {
    const study = row.study === "warmStart" ? "warm-start" : row.study;
    return `${study}-${continuationName(row)}${row.strategy === "online" ? "-online" : ""}`;
  },
  weights: ({ compression, of }) =>
    `${of === undefined ? "weights" : rowName(of)}-${compressionName(compression)}`,
  average: ({ decay, of }) => `${of === undefined ? "" : `${rowName(of)}-`}average-${decay}`,
  gradients: ({ optimizer, compression }) =>
    `${optimizer === "adam" ? "gradients" : "algorithm-1"}-${compressionName(compression)}`,
};

/** The name of a row, by which it is asked for and stored: lower-case words joined by hyphens. */
export function rowName(row: RowSpec): string {
  const name = NAMES[row.kind] as (row: RowSpec) => string;
  return name(row);
}

function compressionName(compression: Compression): string {
  switch (compression.selector) {
    case "topK":
      return `top-k-${compression.ratio}`;
    case "randomK":
      return `random-k-${compression.ratio}`;
    case "qsgd":
      return `qsgd-${compression.bits}`;
    default:
      return compression satisfies never;
  }
}

const LABELS: { readonly [K in RowSpec["kind"]]: (row: Extract<RowSpec, { kind: K }>) => string } =
  {
    frozen: () => "frozen",
    online: () => "OL",
    fullRetraining: ({ on }) => (on === "past" ? "FR" : "FR whole"),
    proactive: ({ triggerSize }) => `PR-${triggerSize}`,
    continued: (row) => `${row.strategy === "online" ? "OL" : "PR"}, ${continuationLabel(row)}`,
    weights: ({ compression, of }) => `${compressionLabel(compression)}${followedLabel(of)}`,
    average: ({ decay, of }) => `average of θ, ${decay}${followedLabel(of)}`,
    gradients: ({ optimizer, compression }) =>
      `${compressionLabel(compression)} of ${optimizer === "adam" ? "gradients" : "gradients, SGD"}`,
  };

/** A row as the paper's tables call it. */
export function rowLabel(row: RowSpec): string {
  const label = LABELS[row.kind] as (row: RowSpec) => string;
  return label(row);
}

function followedLabel(of: ContinuedRow | undefined): string {
  return of === undefined ? "" : ` of ${rowLabel(of)}`;
}

function compressionLabel(compression: Compression): string {
  if (compression.selector === "qsgd") return `QSGD ${compression.bits} bits`;
  const share = `${Number((100 * compression.ratio).toPrecision(3))} %`;
  return `${compression.selector === "topK" ? "top" : "random"} ${share}`;
}
