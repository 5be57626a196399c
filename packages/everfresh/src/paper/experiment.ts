import { image, type ImagePreprocessing } from "@everfresh/core";

/** The two data sets. */
export type ExperimentName = "mnist" | "cifar";

/** The setting of Prapas et al. for one data set: nothing is tuned. */
export interface Experiment {
  readonly name: ExperimentName;
  /** First samples of the data set, in file order: they are known before the stream begins. */
  readonly initialSamples: number;
  /** All others, in file order. */
  readonly streamSamples: number;
  /** Samples from one full retraining to the next. */
  readonly retrainingEvery: number;
  /** Of the initial training and of every full retraining. */
  readonly epochs: number;
  readonly batchSize: number;
  /** Samples that are never trained on. */
  readonly testSamples: number;
  /** How many of them are in the tests before the end of the stream; the last one has all. */
  readonly checkpointTestSamples: number;
  readonly triggerSizes: readonly number[];
  /** Shares of the sparse rows. */
  readonly ratios: readonly number[];
  readonly preprocessing: ImagePreprocessing;
  /** What is trained when nobody says. */
  readonly model: string;
}

const SHARED = {
  batchSize: 128,
  initialSamples: 10_000,
  retrainingEvery: 10_000,
  testSamples: 10_000,
  checkpointTestSamples: 10_000,
  triggerSizes: [64, 32, 16, 8],
  ratios: [0.01, 0.001, 0.0001],
  model: "lenet5",
} as const;

/** The experiments by their names. */
export const EXPERIMENTS: { readonly [N in ExperimentName]: Experiment } = {
  mnist: {
    ...SHARED,
    name: "mnist",
    streamSamples: 50_000,
    epochs: 10,
    preprocessing: image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] }),
  },
  cifar: {
    ...SHARED,
    name: "cifar",
    streamSamples: 40_000,
    epochs: 25,
    preprocessing: image({
      width: 32,
      height: 32,
      channels: 3,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    }),
  },
};

/** The experiment with fewer samples: `scale` times as many, but one batch at least. */
export function scaled(experiment: Experiment, scale: number): Experiment {
  const part = (samples: number): number =>
    Math.max(experiment.batchSize, Math.round(scale * samples));
  return {
    ...experiment,
    initialSamples: part(experiment.initialSamples),
    streamSamples: part(experiment.streamSamples),
    retrainingEvery: part(experiment.retrainingEvery),
    checkpointTestSamples: Math.ceil(scale * experiment.checkpointTestSamples),
  };
}
