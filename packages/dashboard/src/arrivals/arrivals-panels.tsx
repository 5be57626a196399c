import type { ReactNode } from "react";
import type { StrategyStatus } from "../status.ts";
import { intakeFacts, labelFacts } from "./arrival-facts.ts";
import { FactsPanel } from "./facts-panel.tsx";

/** Properties of {@link ArrivalsPanels}. */
interface ArrivalsPanelsProps {
  readonly strategy: StrategyStatus;
}

/** What becomes of samples that arrive and, where they come later, of their labels. */
export function ArrivalsPanels({ strategy }: ArrivalsPanelsProps): ReactNode {
  const { intake, labels } = strategy;
  const come = labels === null ? "Labels come with them" : "Labels come later";
  return (
    <>
      <FactsPanel id="samples" title="Samples" note={come} facts={intakeFacts(intake)} />
      {labels === null ? null : (
        <FactsPanel
          id="labels"
          title="Labels"
          note="Each scores its sample's first prediction"
          facts={labelFacts(labels)}
        />
      )}
    </>
  );
}
