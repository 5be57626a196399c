import type { ReactNode } from "react";
import { formatCount } from "../format.ts";
import type { ModelStatus } from "../status.ts";
import { NoReplicas } from "./no-replicas.tsx";
import { ReplicaTable } from "./replica-table.tsx";

/** Properties of {@link ReplicasPanel}. */
interface ReplicasPanelProps {
  readonly status: ModelStatus;
  readonly base: URL;
  readonly now: () => number;
}

/** The connected replicas, or how to start the first. */
export function ReplicasPanel({ status, base, now }: ReplicasPanelProps): ReactNode {
  const count = status.replicas.length;
  return (
    <section className="panel" aria-labelledby="replicas">
      <header className="panel-head">
        <h2 id="replicas">
          Replicas {count > 0 ? <span className="count">{formatCount(count)}</span> : null}
        </h2>
      </header>
      {count > 0 ? (
        <ReplicaTable status={status} now={now} />
      ) : (
        <NoReplicas base={base} model={status.name} />
      )}
    </section>
  );
}
