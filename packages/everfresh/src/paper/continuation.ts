/**
 * How the optimizer goes on after the initial training, as plain data. In the paper its moments and its
 * rate go on; here are remedies for the dip at the start, and rates that change over the stream.
 */
import { LEARNING_RATE } from "./optimizers.ts";

/** What of the optimizer is as in the paper, and what is not. */
export interface Continuation {
  /** Moments of Adam that go on; the others are 0 again. With "none" steps are counted anew, too. */
  readonly moments: "both" | "second" | "none";
  readonly rate: StreamRate;
}

/** The learning rate over the stream. */
export type StreamRate = ConstantRate | RiseRate | InverseSquareRootRate | CosineRate | FallingRate;

/** One rate, from the first step on. */
export interface ConstantRate {
  readonly kind: "constant";
  /** Above 0. */
  readonly learningRate: number;
}

/** A linear rise, then one rate. */
export interface RiseRate {
  readonly kind: "rise";
  /** After the rise, above 0. */
  readonly learningRate: number;
  /** Of the rise, at least 1. */
  readonly steps: number;
}

/** A linear rise, then a fall with the inverse square root of the steps, whatever the stream's length. */
export interface InverseSquareRootRate {
  readonly kind: "inverseSquareRoot";
  /** The highest, above 0. */
  readonly learningRate: number;
  /** Of the rise, at least 1; four times as many, all in all, and the rate is a half. */
  readonly riseSteps: number;
}

/** Half a wave of a cosine, down to 0 with the end of the stream, which must be known beforehand. */
export interface CosineRate {
  readonly kind: "cosine";
  /** The first, above 0. */
  readonly learningRate: number;
}

/** A rate that falls at once where each part of the stream begins but for the first one. */
export interface FallingRate {
  readonly kind: "falling";
  /** The first, above 0. */
  readonly learningRate: number;
  /** What it is multiplied by each time, above 0. */
  readonly factor: number;
  /** Of the same length, at least 2. */
  readonly parts: number;
}

const MOMENTS_NAMES: { readonly [M in Continuation["moments"]]: readonly string[] } = {
  both: [],
  second: ["second-moments"],
  none: ["fresh"],
};

const RATE_NAMES: {
  readonly [K in StreamRate["kind"]]: (rate: Extract<StreamRate, { kind: K }>) => readonly string[];
} = {
  constant: ({ learningRate }) =>
    learningRate === LEARNING_RATE ? [] : [`rate-${decimal(learningRate)}`],
  rise: ({ steps }) => [`rewarm-${steps}`],
  inverseSquareRoot: ({ riseSteps }) => [`rewarm-${riseSteps}-inverse-square-root`],
  cosine: () => ["cosine"],
  falling: ({ parts }) => [`falling-${parts}`],
};

/** Lower-case words joined by hyphens, which tell the rows of one study apart. */
export function continuationName({ moments, rate }: Continuation): string {
  const rateName = RATE_NAMES[rate.kind] as (rate: StreamRate) => readonly string[];
  const words = [...MOMENTS_NAMES[moments], ...rateName(rate)];
  return words.length === 0 ? "as-before" : words.join("-");
}

const MOMENTS_LABELS: { readonly [M in Continuation["moments"]]: string } = {
  both: "moments go on",
  second: "second moments go on",
  none: "optimizer starts anew",
};

const RATE_LABELS: {
  readonly [K in StreamRate["kind"]]: (rate: Extract<StreamRate, { kind: K }>) => string;
} = {
  constant: ({ learningRate }) => `rate ${decimal(learningRate)}`,
  rise: ({ steps }) => `rate rises over ${steps.toLocaleString("en")} steps`,
  inverseSquareRoot: ({ riseSteps }) => `rate rises over ${riseSteps} steps, falls as 1 / √steps`,
  cosine: () => "rate falls to 0 as a cosine",
  falling: ({ learningRate, factor, parts }) => {
    const rates = Array.from({ length: parts }, (_, i) => learningRate * factor ** i);
    return `rate ${rates.map(decimal).join(", then ")}`;
  },
};

/** For people: moments, then the rate where it is not the paper's. */
export function continuationLabel({ moments, rate }: Continuation): string {
  const isPapers = rate.kind === "constant" && rate.learningRate === LEARNING_RATE;
  return isPapers ? MOMENTS_LABELS[moments] : `${MOMENTS_LABELS[moments]}, ${rateLabel(rate)}`;
}

/** For people: the rate. */
export function rateLabel(rate: StreamRate): string {
  const label = RATE_LABELS[rate.kind] as (rate: StreamRate) => string;
  return label(rate);
}

/** Two digits that count are enough to know a rate by. */
function decimal(rate: number): string {
  return String(Number(rate.toPrecision(2)));
}
