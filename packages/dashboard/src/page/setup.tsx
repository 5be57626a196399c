import type { ReactNode } from "react";
import { formatAgo, formatBytes, formatCount, formatQuantity, formatRatio } from "../format.ts";
import type { ModelStatus } from "../status.ts";
import { useNow } from "./use-now.ts";

/** Properties of {@link Setup}. */
interface SetupProps {
  readonly status: ModelStatus;
  readonly now: () => number;
}

const REFRESH_MS = 10_000;

const STRATEGIES: { readonly [K in ModelStatus["strategy"]["kind"]]: string } = {
  frozen: "Frozen: it never trains",
  online: "Online: every sample once",
  proactive: "Proactive: new samples and old ones",
  fullRetraining: "Full retraining, now and then",
};

function batchOf(batchSize: number, triggerSize: number | null): string {
  const samples = `${formatCount(batchSize)} samples`;
  return triggerSize === null ? samples : `${samples}, ${formatCount(triggerSize)} of them new`;
}

/** How this model learns and what it sent in all: facts that seldom change. */
export function Setup({ status, now }: SetupProps): ReactNode {
  const time = useNow(now, REFRESH_MS);
  const { batchSize, denseBytes, parameters, ratio, triggerSize, updateBytes } = status;
  const { warmUpSteps } = status;
  const facts = [
    ["Model", `${formatQuantity(parameters, "parameter")}, ${formatBytes(denseBytes)}`],
    ["Strategy", STRATEGIES[status.strategy.kind]],
    ["Batch", batchOf(batchSize, triggerSize)],
    ...(warmUpSteps > 0
      ? [["Learning rate", `Rises over the first ${formatQuantity(warmUpSteps, "step")}`] as const]
      : []),
    ["Update", `At most ${formatRatio(ratio)} of the parameters`],
    ["Sent in all", formatBytes(updateBytes.total)],
    ["Started", formatAgo(time - status.startedAtMs)],
  ] as const;
  return (
    <footer className="setup">
      <dl>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </footer>
  );
}
