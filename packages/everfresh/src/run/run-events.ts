import type { DriftRecord } from "@everfresh/core";
import type { IterationProgress, StepReport } from "@everfresh/learn";
import type { DriftMessageType } from "../drift/drift-message.ts";
import type { RollbackReport } from "../log/roll-back.ts";

/** What happens in a run, for whoever shows it. */
export type RunEvent =
  | {
      readonly kind: "listening";
      readonly pageUrl: string;
      readonly feedUrl: string;
      /** Where samples are pushed to; null where they come from elsewhere. */
      readonly samplesUrl: string | null;
    }
  /** Everything that is published is signed by this key. */
  | { readonly kind: "signing"; readonly keyId: string }
  | { readonly kind: "resumed"; readonly version: number; readonly step: number }
  | {
      readonly kind: "ready";
      readonly version: number;
      readonly plan: string;
      /** As of a model's status. */
      readonly buffersEvery: number | null;
      /** As of a model's status. */
      readonly warmUpSteps: number;
    }
  /** What is published reaches the NATS server, where replicas find it at `address`. */
  | { readonly kind: "publishing"; readonly address: string }
  | { readonly kind: "step"; readonly report: StepReport }
  /** A retraining has come so far. */
  | { readonly kind: "retraining"; readonly progress: IterationProgress }
  | { readonly kind: "rolledBack"; readonly report: RollbackReport }
  /** A verdict on drift, or labels that do not confirm one. */
  | { readonly kind: "drift"; readonly type: DriftMessageType; readonly record: DriftRecord }
  | { readonly kind: "warning"; readonly message: string };
