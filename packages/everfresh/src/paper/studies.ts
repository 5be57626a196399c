/** Rows beyond the paper's tables, which nobody gets who does not ask for them. */
import type { Continuation, StreamRate } from "./continuation.ts";
import { LEARNING_RATE } from "./optimizers.ts";
import type { ContinuedRow, RowSpec } from "./row-spec.ts";

const PAPERS_RATE: StreamRate = { kind: "constant", learningRate: LEARNING_RATE };
/** About a third of the paper's rate: early steps do less harm, later ones less noise. */
const LOW_RATE: StreamRate = { kind: "constant", learningRate: 3e-4 };
/** Steps of the rise of schedules: the fewest that kept the dip small with each seed of MNIST. */
const RISE_STEPS = 300;

/** What may mend the dip at the start of the stream. */
const REMEDIES: readonly Continuation[] = [
  { moments: "none", rate: PAPERS_RATE },
  ...[100, 300, 1_000].map((steps) => ({ moments: "none", rate: rise(steps) }) as const),
  { moments: "second", rate: PAPERS_RATE },
  ...[100, 300, 1_000, 3_000].map((steps) => ({ moments: "both", rate: rise(steps) }) as const),
  { moments: "both", rate: LOW_RATE },
];

/** A faster average than that of the standard rows: one that keeps up with the first steps. */
const FAST_DECAY = 0.99;

/** Rates that leave the state less noisy in the end than one rate for ever. */
const SCHEDULES: readonly StreamRate[] = [
  { kind: "inverseSquareRoot", learningRate: LEARNING_RATE, riseSteps: RISE_STEPS },
  { kind: "cosine", learningRate: LEARNING_RATE },
  // A tenth in the end, on the way its root.
  { kind: "falling", learningRate: LEARNING_RATE, factor: Math.sqrt(0.1), parts: 3 },
  LOW_RATE,
];

/** Shares of the copies that follow the states of {@link SCHEDULES}. */
export const SCHEDULE_COPY_RATIOS: readonly number[] = [0.001, 0.0001];

/** Remedies for the dip at the start, of proactive and of online training. */
export function warmStartRows(): readonly RowSpec[] {
  const row = (strategy: ContinuedRow["strategy"]) => (remedy: Continuation) =>
    ({ kind: "continued", study: "warmStart", strategy, ...remedy }) as const;
  const unchanged = row("proactive")({ moments: "both", rate: PAPERS_RATE });
  return [
    ...REMEDIES.map(row("proactive")),
    { kind: "average", decay: FAST_DECAY, of: unchanged },
    ...REMEDIES.map(row("online")),
  ];
}

/** Learning rates over the stream, of proactive training, each with the copies that follow it. */
export function scheduleRows(): readonly RowSpec[] {
  return SCHEDULES.flatMap((rate) => {
    const row = scheduleRow(rate);
    return [row, ...SCHEDULE_COPY_RATIOS.map((ratio) => scheduleCopy(row, ratio))];
  });
}

function scheduleRow(rate: StreamRate): ContinuedRow {
  return { kind: "continued", study: "schedule", strategy: "proactive", moments: "both", rate };
}

/** The copy of a row of {@link scheduleRows} that gets such a share of the difference. */
export function scheduleCopy(row: ContinuedRow, ratio: number): RowSpec {
  return { kind: "weights", compression: { selector: "topK", ratio }, of: row };
}

function rise(steps: number): StreamRate {
  return { kind: "rise", learningRate: LEARNING_RATE, steps };
}
