import { type Distribution, distributionOf } from "../statistics.ts";

/** When an update left the trainer; all times in milliseconds of the machine's clock. */
export interface TrainerStamps {
  readonly version: number;
  /** The optimizer step was done. */
  readonly stepDoneMs: number;
  /** What the update carries was chosen. */
  readonly selectedMs: number;
  /** The log had it; from here on it is sent. */
  readonly sentMs: number;
}

/** When an update came to a replica; all times in milliseconds of the machine's clock. */
export interface ReplicaStamps {
  readonly version: number;
  /** The replica took its frame. */
  readonly receivedMs: number;
  /** The next prediction sees it. */
  readonly appliedMs: number;
}

/** The first answer by a version at or above some other. */
export interface FirstAnswer {
  readonly version: number;
  readonly answeredMs: number;
}

/** The parts of the way from an optimizer step to the first prediction that knows of it, in order. */
export const PARTS = ["select", "encodeAndLog", "wire", "apply", "predict"] as const;

/** One of {@link PARTS}. */
export type Part = (typeof PARTS)[number];

/** The way of one update; durations in milliseconds. */
export type Way = { readonly [P in Part | "total"]: number } & { readonly version: number };

/**
 * The ways of all updates that got an answer. An update that was overtaken before anybody asked is
 * answered by the first version that is not older.
 * @param answers by rising version
 */
export function waysOf(
  sent: readonly TrainerStamps[],
  taken: readonly ReplicaStamps[],
  answers: readonly FirstAnswer[],
): Way[] {
  const takenBy = new Map(taken.map((stamps) => [stamps.version, stamps]));
  const ways: Way[] = [];
  let at = 0;
  for (const { version, stepDoneMs, selectedMs, sentMs } of sent) {
    while ((answers[at]?.version ?? Infinity) < version) at++;
    const answer = answers[at];
    const stamps = takenBy.get(version);
    if (answer === undefined || stamps === undefined) continue;
    ways.push({
      version,
      select: selectedMs - stepDoneMs,
      encodeAndLog: sentMs - selectedMs,
      wire: stamps.receivedMs - sentMs,
      apply: stamps.appliedMs - stamps.receivedMs,
      predict: answer.answeredMs - stamps.appliedMs,
      total: answer.answeredMs - stepDoneMs,
    });
  }
  return ways;
}

/** Percentiles of each part and of the whole way. */
export function distributionsOf(ways: readonly Way[]): {
  readonly [P in Part | "total"]: Distribution;
} {
  const of = (part: Part | "total"): Distribution => distributionOf(ways.map((way) => way[part]));
  return {
    select: of("select"),
    encodeAndLog: of("encodeAndLog"),
    wire: of("wire"),
    apply: of("apply"),
    predict: of("predict"),
    total: of("total"),
  };
}
