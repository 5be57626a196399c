import { formatQuantity } from "../format.ts";
import type { ReplicaInfo } from "../status.ts";

/** How a replica stands to the trainer's newest version. */
export type ReplicaState =
  | { readonly kind: "inStep" }
  | { readonly kind: "behind"; readonly versions: number }
  | { readonly kind: "differs" };

/** In step means the same version and the same fingerprint; the same version alone is a fault. */
export function replicaState(
  replica: ReplicaInfo,
  trainer: { readonly version: number; readonly fingerprint: string },
): ReplicaState {
  if (replica.lagVersions > 0) return { kind: "behind", versions: replica.lagVersions };
  if (replica.version !== trainer.version || replica.fingerprint === trainer.fingerprint) {
    return { kind: "inStep" };
  }
  return { kind: "differs" };
}

/** The state in words. */
export function replicaStateText(state: ReplicaState): string {
  switch (state.kind) {
    case "inStep":
      return "In step";
    case "behind":
      return `Behind by ${formatQuantity(state.versions, "version")}`;
    case "differs":
      return "Fingerprint differs";
  }
}
