/**
 * What a server says about a model that it trains: the JSON of its HTTP interface and live page.
 */
export interface ModelStatus {
  readonly name: string;
  /** "finished" when the source ended or the wanted number of steps was done. */
  readonly phase: "training" | "finished";
  /** Of the deployed state. */
  readonly version: number;
  /** Of the deployed state: 32 hexadecimal digits. */
  readonly fingerprint: string;
  /** Samples learned from so far. */
  readonly samples: number;
  /** Iterations of training so far: optimizer steps, or retrainings of many. */
  readonly steps: number;
  /** Parameters of the model. */
  readonly parameters: number;
  /** Bytes of the whole state, as a dense deployment would send it. */
  readonly denseBytes: number;
  /** Share of the parameters that an update carries. */
  readonly ratio: number;
  /**
   * Updates from one estimate of BatchNormalization's running statistics to the next; null in a model
   * without any.
   */
  readonly buffersEvery: number | null;
  /** How the model is kept fresh. */
  readonly strategy: StrategyStatus;
  /** New samples per step; null where steps do not go by so many. */
  readonly triggerSize: number | null;
  /** Samples per step, new and from history. */
  readonly batchSize: number;
  /**
   * Optimizer steps over which the learning rate rises at first, since training starts from trained
   * weights; 0 where it does not.
   */
  readonly warmUpSteps: number;
  /** Connected replicas. */
  readonly replicas: readonly ReplicaInfo[];
  /** The past, oldest first; at most 600 points. */
  readonly series: readonly StatusPoint[];
  /** Name of the source of samples. */
  readonly source: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  /** Sizes of the updates as published. */
  readonly updateBytes: {
    readonly mean: number;
    readonly p50: number;
    readonly max: number;
    readonly total: number;
  };
  /** Durations of the optimizer steps. */
  readonly stepMs: { readonly p50: number; readonly p99: number };
  /** From publishing an update to a replica's acknowledgement; null before the first one. */
  readonly updateToReplicaMs: { readonly p50: number; readonly p99: number } | null;
  /** Of the deployed state on data that was never trained on, 0 to 1; null while unknown. */
  readonly heldOutAccuracy: number | null;
  /** How states do on samples before they are learned; null before the first sample. */
  readonly scores: ModelScores | null;
  /** What was asked of the cache of features; null before training is open. */
  readonly features: FeatureStatus | null;
}

/** What was asked of a cache of features since the process began, of past samples only. */
export interface FeatureStatus {
  /** Features that steps asked for. */
  readonly asked: number;
  /** Of these, cached ones; those that had been evicted, or never cached; */
  readonly cached: number;
  readonly absent: number;
  /** and those made anew because statistics had moved too far. */
  readonly stale: number;
  /** Share of those asked for that were there, stale or not, 0 to 1; 1 before anything was asked. */
  readonly utilisation: number;
  /** Samples whose features have room. */
  readonly capacity: number;
  /** Budget in bytes. */
  readonly bytesMax: number;
  /** How far the statistics of cached features may be from the present ones. */
  readonly tolerance: number;
}

/** What decides when a model is trained, and what became of the samples that arrived. */
export interface StrategyStatus {
  readonly kind: "frozen" | "online" | "proactive" | "fullRetraining";
  /** Why it trained last, for people; null before the first time. */
  readonly why: string | null;
  /** A retraining that runs now; null otherwise. */
  readonly retraining: RetrainingStatus | null;
  readonly intake: IntakeStatus;
  /** Null where labels come with their samples. */
  readonly labels: LabelStatus | null;
  /** Seconds of work since the run began, not of waiting. */
  readonly costs: {
    readonly preprocessSeconds: number;
    readonly trainSeconds: number;
    readonly evaluateSeconds: number;
    readonly selectSeconds: number;
    readonly encodeSeconds: number;
  };
}

/** How far a retraining has come. */
export interface RetrainingStatus {
  /** Optimizer steps done, and in all. */
  readonly step: number;
  readonly steps: number;
  /** Mean loss of the last batch. */
  readonly loss: number;
}

/** Samples on their way into training. */
export interface IntakeStatus {
  /** Samples that were tested. */
  readonly tested: number;
  /** Samples that have come and that training has not taken up. */
  readonly waiting: number;
  /**
   * From the arrival of the oldest new sample of an iteration to when what it learned was deployed, in
   * milliseconds, of the last one; null before that.
   */
  readonly lagMs: number | null;
  /** The longest of these since the process began. */
  readonly lagMsMax: number | null;
  /** Samples that went straight to history. */
  readonly skipped: number;
  /** Steps with more new samples than the trigger size. */
  readonly grownSteps: number;
  /** Times that the source had to wait, and how long in all, in milliseconds. */
  readonly blockedTimes: number;
  readonly blockedMs: number;
}

/** Labels that come later than their samples. */
export interface LabelStatus {
  /** Predictions that wait for labels. */
  readonly pending: number;
  /** Labels that have met their predictions. */
  readonly joined: number;
  /** Predictions that were given up. */
  readonly expired: number;
  /** Labels that came after that. */
  readonly tooLate: number;
  /** Labels that wait for samples, since no sample of their id has come; and those given up. */
  readonly early: number;
  readonly earlyExpired: number;
  /** Labels of a sample that had one: the same, and others. The first one stands. */
  readonly duplicates: number;
  readonly conflicts: number;
  /** From a prediction to its label. */
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly lagSamples: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** How the trained state, the deployed one and the one that the run began with do. */
export interface ModelScores {
  readonly trained: StateScores;
  readonly deployed: StateScores;
  /** Null where it is not evaluated. */
  readonly frozen: StateScores | null;
}

/** How a state does: each sample is predicted before it is learned, and scored with its label. */
export interface StateScores {
  readonly samples: number;
  /** Over all samples. */
  readonly cumulative: ScoreValues;
  /** Over the newest 1,000. */
  readonly window: ScoreValues;
  /** Over all, each later one weighing 0.1 % more. */
  readonly fading: ScoreValues;
}

/** Scores, beside those of the last label and of the most frequent one; null where not defined. */
export interface ScoreValues {
  readonly accuracy: number | null;
  readonly noChangeAccuracy: number | null;
  readonly majorityAccuracy: number | null;
  /** In nats. */
  readonly logLoss: number | null;
  readonly macroF1: number | null;
  readonly auc: number | null;
  readonly calibrationError: number | null;
  readonly kappa: number | null;
  readonly kappaTemporal: number | null;
  readonly kappaM: number | null;
}

/** One moment of the past. */
export interface StatusPoint {
  readonly samples: number;
  readonly version: number;
  /** Of the trained state over the last 1,000 samples, each tested before it was learned. */
  readonly trainedAccuracy: number;
  /** Of the deployed state over the last 1,000 samples, each tested before it was learned. */
  readonly deployedAccuracy: number;
  readonly updateBytes: number;
  /** Mean loss of the step. */
  readonly loss: number;
  readonly stepMs: number;
}

/** One connected replica. */
export interface ReplicaInfo {
  readonly id: string;
  /** What it last acknowledged. */
  readonly version: number;
  /** What it last acknowledged: 32 hexadecimal digits. */
  readonly fingerprint: string;
  /** Milliseconds since the Unix epoch. */
  readonly joinedAtMs: number;
  /** Versions between it and the deployed state. */
  readonly lagVersions: number;
}
