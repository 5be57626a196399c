import type { LateLabels } from "@everfresh/learn";
import type { NatsOutlet } from "../nats/nats-outlet.ts";
import type { RunDrift } from "./run-drift.ts";

/** What a run has where it is configured, and null otherwise. */
export interface RunParts {
  readonly outlet: NatsOutlet | null;
  readonly labels: LateLabels | null;
  readonly drift: RunDrift | null;
}
