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
  /** Optimizer steps so far. */
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
  /** New samples per step. */
  readonly triggerSize: number;
  /** Samples per step, new and from history. */
  readonly batchSize: number;
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
