import type { StepReport } from "@everfresh/learn";
import type { RollbackReport } from "../log/roll-back.ts";

/** What happens in a run, for whoever shows it. */
export type RunEvent =
  | { readonly kind: "listening"; readonly pageUrl: string; readonly feedUrl: string }
  | { readonly kind: "resumed"; readonly version: number; readonly step: number }
  | { readonly kind: "ready"; readonly version: number; readonly plan: string }
  | { readonly kind: "step"; readonly report: StepReport }
  | { readonly kind: "rolledBack"; readonly report: RollbackReport }
  | { readonly kind: "warning"; readonly message: string };
