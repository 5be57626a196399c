import type { ReactNode } from "react";
import {
  formatAccuracy,
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatQuantity,
} from "../format.ts";
import { reductionText } from "../reduction.ts";
import type { ModelStatus } from "../status.ts";
import { StatTile } from "./stat-tile.tsx";

/** Properties of {@link StatTiles}. */
interface StatTilesProps {
  readonly status: ModelStatus;
}

/** The figures that say whether the model is fresh, and what that costs. */
export function StatTiles({ status }: StatTilesProps): ReactNode {
  const { heldOutAccuracy, stepMs, updateBytes, updateToReplicaMs } = status;
  const last = status.series.at(-1);
  const started = status.steps > 0;
  return (
    <dl className="tiles">
      <StatTile
        prominent
        label="Deployed accuracy"
        value={formatAccuracy(last?.deployedAccuracy ?? null)}
        detail={last === undefined ? "Waiting for the first step" : gapText(last)}
      />
      <StatTile
        label="Held-out accuracy"
        value={formatAccuracy(heldOutAccuracy)}
        detail={heldOutAccuracy === null ? "Not measured yet" : "On unseen data"}
      />
      <StatTile
        label="Samples learned"
        value={formatCount(status.samples)}
        detail={`In ${formatQuantity(status.steps, "step")}`}
      />
      <StatTile
        label="Mean update"
        value={updateBytes.mean > 0 ? formatBytes(updateBytes.mean) : formatBytes(null)}
        detail={reductionText(updateBytes.mean, status.denseBytes)}
      />
      <StatTile
        label="Training step"
        value={formatMilliseconds(started ? stepMs.p50 : null)}
        detail={started ? `Median; p99 ${formatMilliseconds(stepMs.p99)}` : "No step yet"}
      />
      <StatTile
        label="Update to replica"
        value={formatMilliseconds(updateToReplicaMs?.p50 ?? null)}
        detail={
          updateToReplicaMs === null
            ? "No replica has answered yet"
            : `Median; p99 ${formatMilliseconds(updateToReplicaMs.p99)}`
        }
      />
    </dl>
  );
}

/** How the deployed state stands to the trained one, in percentage points. */
export function gapText(point: {
  readonly trainedAccuracy: number;
  readonly deployedAccuracy: number;
}): string {
  const tenths = Math.round((point.deployedAccuracy - point.trainedAccuracy) * 1000);
  if (!Number.isFinite(tenths)) return "No figure to compare with";
  if (tenths === 0) return "Equal to the trained model";
  const points = (Math.abs(tenths) / 10).toFixed(1);
  return `${points} points ${tenths > 0 ? "above" : "below"} the trained model`;
}
