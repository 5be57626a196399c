import { DriftMonitor, Reliability, type ReliabilityBin } from "@everfresh/learn";
import { median } from "../statistics.ts";
import {
  CHANGING_FEATURES,
  type ChangingSample,
  changingSamples,
  type ChangingSamplesOptions,
} from "./changing-samples.ts";

/** Samples of a stream, and how often the likelihood is compared with the truth. */
const SAMPLES = 20_000;
const LOOK_EVERY = 50;
/** Before that no signal has its reference. */
const FIRST_LOOK = 1_500;
/** The usual N of the likelihood. */
const WITHIN = 1_000;
/** The first seed: the likelihood was fitted on streams with smaller ones, and of other kinds. */
const SEED_FIRST = 500;

type Kind = Omit<ChangingSamplesOptions, "seed" | "samples"> & { readonly lag: number };

const KIND: Kind = {
  ...{ changeEvery: 5_000, errorCorrelation: 0, featureCorrelation: 0, noise: 0 },
  ...{ isGradual: false, lag: 0 },
};
/** Kinds of streams, none of which the likelihood was fitted on. */
const KINDS: readonly Kind[] = [
  { ...KIND, errorCorrelation: 0.5, featureCorrelation: 0.7, noise: 0.3, isGradual: true },
  { ...KIND, errorCorrelation: 0.2, lag: 300 },
  { ...KIND, featureCorrelation: 0.3, isGradual: true },
  { ...KIND, errorCorrelation: 0.4, featureCorrelation: 0.9, noise: 0.5 },
];

/** How far warnings, and the likelihood, can be trusted. */
export interface WarningRows {
  /** The likelihood against how often there was a change within the last 1,000 samples. */
  readonly reliability: readonly ReliabilityBin[];
  readonly summary: {
    readonly looks: number;
    readonly brier: number;
    /** Of always saying how often there is a change. */
    readonly brierOfRate: number;
    readonly changes: number;
    readonly warnings: number;
    /** Part of the warnings that came within 1,000 samples after a change. */
    readonly warningPrecision: number;
    readonly drifts: number;
    /** Part of the drifts that were seen within 2,000 samples after a change. */
    readonly driftPrecision: number;
    /** Samples from a warning to the drift that confirms it: median. */
    readonly leadSamples: number;
    /** Part of the changes after which there was a drift before the next one. */
    readonly seen: number;
  };
}

/** Plays so many streams of each kind. */
export function warningRows({ seeds }: { readonly seeds: number }): WarningRows {
  const reliability = new Reliability();
  const runs = KINDS.flatMap((kind) =>
    Array.from({ length: seeds }, (_, i) => runOf(kind, SEED_FIRST + i, reliability)),
  );
  const warnings = runs.flatMap((run) => run.warnings);
  const drifts = runs.flatMap((run) => run.drifts);
  const changes = runs.flatMap((run) => run.changes);
  const share = (flags: readonly boolean[]): number => flags.filter(Boolean).length / flags.length;
  const { count, brier, brierSkill } = reliability.scores();
  return {
    reliability: reliability.table(),
    summary: {
      looks: count,
      brier: brier ?? NaN,
      brierOfRate: (brier ?? NaN) / (1 - (brierSkill ?? NaN)),
      changes: changes.length,
      warnings: warnings.length,
      warningPrecision: share(warnings.map(({ since }) => since <= WITHIN)),
      drifts: drifts.length,
      driftPrecision: share(drifts.map(({ since }) => since <= 2 * WITHIN)),
      leadSamples: median(warnings.flatMap(({ lead }) => (lead === null ? [] : [lead]))),
      seen: share(changes.map(({ isSeen }) => isSeen)),
    },
  };
}

interface Run {
  /** Samples since the last change, and until the drift that confirmed it. */
  readonly warnings: readonly { readonly since: number; readonly lead: number | null }[];
  readonly drifts: readonly { readonly since: number }[];
  readonly changes: readonly { readonly isSeen: boolean }[];
}

function runOf(kind: Kind, seed: number, reliability: Reliability): Run {
  const { lag, ...made } = kind;
  const monitor = new DriftMonitor({
    ...{ spec: { changeEvery: kind.changeEvery }, features: CHANGING_FEATURES, classes: 2, seed },
  });
  const waiting: { readonly sequence: number; readonly sample: ChangingSample }[] = [];
  const changes: number[] = [];
  let sequence = 0;
  for (const sample of changingSamples({ ...made, seed, samples: SAMPLES })) {
    if (sample.isChange) changes.push(sequence);
    const { features, probabilities } = sample;
    const place = { sequence, eventTimeMs: sequence, version: 0 };
    monitor.predicted({ ...place, features, probabilities });
    waiting.push({ sequence, sample });
    const due = waiting.length > lag ? waiting.shift() : undefined;
    if (due !== undefined) {
      const pinned = due.sample.probabilities;
      const said = { probabilities: pinned, deployedProbabilities: pinned };
      monitor.labelled({ sequence: due.sequence, label: due.sample.label, ...said });
    }
    if (sequence > FIRST_LOOK && sequence % LOOK_EVERY === 0) {
      const isTrue = sequence - (changes.at(-1) ?? -Infinity) < WITHIN;
      reliability.add(monitor.status().likelihood, isTrue);
    }
    sequence++;
  }
  return judged(monitor, changes);
}

function judged(monitor: DriftMonitor, changes: readonly number[]): Run {
  const sinceOf = (at: number): number =>
    at - (changes.filter((change) => change <= at).at(-1) ?? -Infinity);
  const records = monitor.history();
  const drifts = records.filter(({ verdict }) => verdict === "drift");
  return {
    warnings: records
      .filter(({ verdict }) => verdict === "warning")
      .map(({ at, outcome, outcomeAt }) => ({
        since: sinceOf(at.sequence),
        lead:
          outcome === "confirmed" && outcomeAt !== null ? outcomeAt.sequence - at.sequence : null,
      })),
    drifts: drifts.map(({ at }) => ({ since: sinceOf(at.sequence) })),
    changes: changes.map((change, i) => ({
      isSeen: drifts.some(
        ({ at }) => at.sequence >= change && at.sequence < (changes[i + 1] ?? Infinity),
      ),
    })),
  };
}
