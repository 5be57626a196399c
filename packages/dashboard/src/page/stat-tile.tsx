import type { ReactNode } from "react";

/** Properties of {@link StatTile}. */
interface StatTileProps {
  readonly label: string;
  readonly value: string;
  readonly detail: string;
  /** The one figure to see first. */
  readonly prominent?: boolean;
}

/** One figure with its name above and one line of context below. */
export function StatTile({ label, value, detail, prominent = false }: StatTileProps): ReactNode {
  return (
    <div className={prominent ? "tile tile-prominent" : "tile"}>
      <dt>{label}</dt>
      <dd>
        <span className="tile-value">{value}</span>
        <span className="tile-detail">{detail}</span>
      </dd>
    </div>
  );
}
