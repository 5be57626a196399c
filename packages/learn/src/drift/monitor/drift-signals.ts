import type { DriftMonitorOptions } from "./drift-monitor-options.ts";
import { ConfidenceCalibration } from "../uncertainty/confidence-calibration.ts";
import type { DriftSignalsCheckpoint } from "./drift-monitor-checkpoint.ts";
import type { CompleteDriftSpec, SignalInput } from "./drift-spec.ts";
import { DriftCheckpointError, LearnOptionError } from "../../errors.ts";
import { FeatureBlocks } from "../two-sample/feature-blocks.ts";
import { MonitoredSignal } from "./monitored-signal.ts";
import type { PredictedObservation } from "./observations.ts";
import { thinnedTo } from "./signal-cost.ts";
import { disagreement, predictiveEntropy, smallMargin } from "../uncertainty/uncertainty.ts";

/** Labels that the worth of confidence is learned from before it is used: it stays as it is then. */
const CALIBRATION_LABELS = 300;
/** No class. */
const NONE = -1;

/** What is known of a labelled sample when its turn has come; -1 is unknown. */
export interface LabelValues {
  readonly label: number;
  /** 1 is wrong. */
  readonly error: number;
  readonly deployedError: number;
  readonly loss: number;
  /** The largest probability by the pinned state. */
  readonly confidence: number;
}

/**
 * Inputs that go by the pinned model, so that another one makes others of them: by what it predicts
 * anyway, or by runs of their own.
 */
const BY_PINNED: { readonly [K in SignalInput]: "prediction" | "own" | null } = {
  ...{ features: null, embedding: "own", reconstruction: null },
  ...{ entropy: "prediction", margin: "prediction", disagreement: "own" },
  ...{ expectedError: "prediction", errors: "prediction", deployedErrors: null },
  ...{ loss: "prediction", gradient: null },
};

/** All signals of an ensemble, and what they look at of what happens. */
export class DriftSignals {
  readonly all: readonly MonitoredSignal[];
  readonly #byInput = new Map<SignalInput, readonly MonitoredSignal[]>();
  readonly #blocks: FeatureBlocks;
  readonly #embedding: FeatureBlocks;
  #confidence = new ConfidenceCalibration({ isotonic: true });
  #calibrated = 0;

  constructor(spec: CompleteDriftSpec, options: DriftMonitorOptions) {
    const { features, classes, seed, featureNames, classNames = [], embedding = 0 } = options;
    this.#blocks = new FeatureBlocks(features, featureNames);
    this.#embedding = new FeatureBlocks(embedding, [], "embedding");
    const parts: { readonly [K in "features" | "embedding"]: readonly string[] } = {
      features: this.#blocks.names,
      embedding: this.#embedding.names,
    };
    const names = Array.from({ length: classes }, (_, i) => classNames[i] ?? `class ${i}`);
    if (embedding === 0 && spec.signals.some(({ input }) => input === "embedding")) {
      throw new LearnOptionError("embedding", embedding, "its length: a signal looks at it");
    }
    const partsOf = (input: SignalInput): readonly string[] =>
      input === "features" || input === "embedding" ? parts[input] : [input];
    const every = thinnedTo(
      spec.microsPerSample,
      spec.signals,
      spec.signals.map(({ input }) => partsOf(input).length),
      options.inputMicros,
    );
    const { pinnedEvery = 1 } = options;
    this.all = spec.signals.map(
      (signal, i) =>
        new MonitoredSignal({
          ...{ spec: signal, everySamples: every[i] ?? 1, parts: partsOf(signal.input) },
          ...{ classNames: names, seed: seed + i },
          givenEvery: BY_PINNED[signal.input] === "prediction" ? pinnedEvery : 1,
        }),
    );
    for (const { input } of spec.signals) {
      this.#byInput.set(
        input,
        this.all.filter((signal) => signal.input === input),
      );
    }
  }

  /** Whether a signal of this input would look at this sample. */
  isTurn(input: SignalInput, sequence: number): boolean {
    return this.#byInput.get(input)?.some((signal) => signal.isTurn(sequence)) ?? false;
  }

  /** Lets all that need no label look at a sample. */
  predicted(observation: PredictedObservation): void {
    const { sequence, features, probabilities, embedding, reconstruction, members } = observation;
    const best = probabilities.length > 0 ? likeliest(probabilities) : NONE;
    if (this.#byInput.has("features") && features.length > 0) {
      this.#offer("features", { row: this.#blocks.of(features) ?? [], sequence, ofClass: NONE });
    }
    if (embedding !== undefined) {
      this.#offer("embedding", {
        ...{ row: this.#embedding.of(embedding) ?? [], sequence, ofClass: NONE },
      });
    }
    if (reconstruction !== undefined) {
      this.#offer("reconstruction", { row: [reconstruction], sequence, ofClass: best });
    }
    if (members !== undefined) {
      this.#offer("disagreement", { row: [disagreement(members)], sequence, ofClass: best });
    }
    if (probabilities.length === 0) return;
    if (this.#byInput.has("entropy")) {
      this.#offer("entropy", { row: [predictiveEntropy(probabilities)], sequence, ofClass: best });
    }
    if (this.#byInput.has("margin")) {
      this.#offer("margin", { row: [smallMargin(probabilities)], sequence, ofClass: best });
    }
    if (this.#calibrated >= CALIBRATION_LABELS) {
      const row = [this.#confidence.expectedError(probabilities[best] ?? NaN)];
      this.#offer("expectedError", { row, sequence, ofClass: best });
    }
  }

  /** Lets all that need labels look at the next one. */
  labelled(sequence: number, { label, error, deployedError, loss, confidence }: LabelValues): void {
    const offer = (input: SignalInput, value: number): void => {
      if (value >= 0) this.#offer(input, { row: [value], sequence, ofClass: label });
    };
    offer("errors", error);
    offer("deployedErrors", deployedError);
    offer("loss", loss);
    if (this.#calibrated < CALIBRATION_LABELS && confidence >= 0 && error >= 0) {
      this.#confidence.learn(confidence, error === 0);
      this.#calibrated++;
    }
  }

  /** Lets what goes by training look at a step after this sample. */
  stepped(gradient: number, sequence: number): void {
    this.#offer("gradient", { row: [gradient], sequence, ofClass: NONE });
  }

  /** A drift that these saw, by their names, was none. */
  mistaken(names: readonly string[]): void {
    for (const signal of this.all) if (names.includes(signal.name)) signal.mistaken();
  }

  /** Everything that looks at samples without labels starts anew. */
  resetLabelFree(): void {
    for (const signal of this.all) if (signal.family !== "error") signal.reset();
  }

  /** Everything that goes by labels starts anew, what confidence is worth too. */
  resetLabelled(): void {
    for (const signal of this.all) {
      if (signal.family === "error" || signal.input === "expectedError") signal.reset();
    }
    this.#forgetConfidence();
  }

  /** Everything that goes by the pinned model starts anew. */
  pin(): void {
    for (const signal of this.all) if (BY_PINNED[signal.input] !== null) signal.reset();
    this.#forgetConfidence();
  }

  /** Everything that looks at this input starts anew. */
  restart(input: SignalInput): void {
    for (const signal of this.#byInput.get(input) ?? []) signal.reset();
  }

  /** Where all of them are. */
  checkpoint(): DriftSignalsCheckpoint {
    return {
      all: this.all.map((signal) => signal.checkpoint()),
      confidence: this.#confidence.checkpoint(),
      calibrated: this.#calibrated,
    };
  }

  /** @throws ResumeMismatchError, DriftCheckpointError for one that is damaged, or of others */
  restore({ all, confidence, calibrated }: DriftSignalsCheckpoint): void {
    if (all.length !== this.all.length) {
      throw new DriftCheckpointError("ensemble", `it has ${all.length} signals`);
    }
    all.forEach((signal, i) => this.all[i]?.restore(signal));
    this.#confidence.restore(confidence);
    this.#calibrated = calibrated;
  }

  #forgetConfidence(): void {
    this.#confidence = new ConfidenceCalibration({ isotonic: true });
    this.#calibrated = 0;
  }

  #offer(input: SignalInput, offer: Parameters<MonitoredSignal["offer"]>[0]): void {
    for (const signal of this.#byInput.get(input) ?? []) signal.offer(offer);
  }
}

/** The position of the largest; the first of equals. */
export function likeliest(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < probabilities.length; i++) {
    if ((probabilities[i] ?? 0) > (probabilities[best] ?? 0)) best = i;
  }
  return best;
}
