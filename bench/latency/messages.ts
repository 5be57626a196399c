import type { FirstAnswer, ReplicaStamps, TrainerStamps } from "./update-timeline.ts";

/** What the trainer of the bench `latency` is told. */
export type ToTrainer =
  | {
      readonly kind: "start";
      readonly stateDirectory: string;
      /** A folder with the four IDX files; null for generated digits. */
      readonly data: string | null;
      readonly ratio: number;
      readonly workers: number;
      readonly steps: number;
    }
  | { readonly kind: "train" }
  | { readonly kind: "end" };

/** What the trainer of the bench `latency` says. */
export type FromTrainer =
  | { readonly kind: "ready"; readonly feedUrl: string }
  | {
      readonly kind: "done";
      readonly stamps: readonly TrainerStamps[];
      /** Medians, in milliseconds and bytes. */
      readonly stepMs: number;
      readonly updateBytes: number;
      /** Time of all its processors over time; 2 when it kept two cores busy. */
      readonly cores: number;
      readonly seconds: number;
    };

/** What a replica of the bench `latency` is told. */
export type ToReplica =
  | {
      readonly kind: "join";
      readonly feedUrl: string;
      /** Predictions per second; 0 for one after another without a pause. */
      readonly asksPerSecond: number;
    }
  | { readonly kind: "end"; readonly version: number };

/** What a replica of the bench `latency` says. */
export type FromReplica =
  | { readonly kind: "serving" }
  | {
      readonly kind: "done";
      readonly stamps: readonly ReplicaStamps[];
      readonly answers: readonly FirstAnswer[];
      readonly predictions: number;
      readonly cores: number;
    };
