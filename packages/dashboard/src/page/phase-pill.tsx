import type { ReactNode } from "react";
import type { PagePhase } from "../live/connection.ts";

/** Properties of {@link PhasePill}. */
interface PhasePillProps {
  readonly phase: PagePhase;
}

const words: { readonly [K in PagePhase]: string } = {
  connecting: "Connecting",
  training: "Training",
  finished: "Finished",
  reconnecting: "Reconnecting",
};

/** What the trainer does now, in one word and a colour. */
export function PhasePill({ phase }: PhasePillProps): ReactNode {
  return (
    <span className={`pill pill-${phase}`} role="status">
      <span className="pill-dot" aria-hidden="true" />
      {words[phase]}
    </span>
  );
}
