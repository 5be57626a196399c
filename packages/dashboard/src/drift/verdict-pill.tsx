import type { ReactNode } from "react";
import type { DriftVerdict } from "../status.ts";

/** Properties of {@link VerdictPill}. */
interface VerdictPillProps {
  readonly verdict: DriftVerdict;
}

const words: { readonly [K in DriftVerdict]: string } = {
  stable: "Stable",
  warning: "Warning",
  drift: "Drift",
};

const pictures: { readonly [K in DriftVerdict]: string } = {
  stable: "M3 8.5 6.5 12 13 4.5",
  warning: "M8 1.8 15 14H1L8 1.8ZM8 6.4v3.4M8 11.6v.4",
  drift: "M2 11.5h4.5l3-7H14",
};

/** A verdict in one word, a picture and a colour. */
export function VerdictPill({ verdict }: VerdictPillProps): ReactNode {
  return (
    <span className={`verdict verdict-${verdict}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={pictures[verdict]} />
      </svg>
      {words[verdict]}
    </span>
  );
}
