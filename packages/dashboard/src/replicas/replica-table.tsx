import type { ReactNode } from "react";
import { formatAgo, formatCount, formatTime, shortFingerprint } from "../format.ts";
import { useNow } from "../page/use-now.ts";
import type { ModelStatus, ReplicaInfo } from "../status.ts";
import { replicaState, replicaStateText, type ReplicaState } from "./replica-state.ts";

/** Properties of {@link ReplicaTable}. */
interface ReplicaTableProps {
  readonly status: ModelStatus;
  readonly now: () => number;
}

const pictures: { readonly [K in ReplicaState["kind"]]: string } = {
  inStep: "M3 8.5 6.5 12 13 4.5",
  behind: "M8 4v4.5l3 2M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Z",
  differs: "M4 4l8 8M12 4l-8 8",
};

/** One row per replica; on a narrow screen the style sheet turns rows into cards. */
export function ReplicaTable({ status, now }: ReplicaTableProps): ReactNode {
  const time = useNow(now, 1_000);
  // The roles are explicit because a table that is not laid out as one loses them.
  return (
    <table className="replicas" role="table" aria-labelledby="replicas">
      <thead role="rowgroup">
        <tr role="row">
          {["Replica", "State", "Version", "Lag", "Fingerprint", "Joined"].map((name) => (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {status.replicas.map((replica) => (
          <ReplicaRow key={replica.id} replica={replica} trainer={status} time={time} />
        ))}
      </tbody>
    </table>
  );
}

function ReplicaRow(props: {
  readonly replica: ReplicaInfo;
  readonly trainer: ModelStatus;
  readonly time: number;
}): ReactNode {
  const { replica, trainer, time } = props;
  const state = replicaState(replica, trainer);
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {replica.id}
      </th>
      <td role="cell" data-label="State">
        <span className={`replica-state replica-${state.kind}`}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d={pictures[state.kind]} />
          </svg>
          {replicaStateText(state)}
        </span>
      </td>
      <td role="cell" data-label="Version" className="number">
        {formatCount(replica.version)}
      </td>
      <td role="cell" data-label="Lag" className="number">
        {formatCount(replica.lagVersions)}
      </td>
      <td role="cell" data-label="Fingerprint">
        <code title={replica.fingerprint}>{shortFingerprint(replica.fingerprint)}</code>
      </td>
      <td role="cell" data-label="Joined">
        <time
          dateTime={new Date(replica.joinedAtMs).toISOString()}
          title={formatTime(replica.joinedAtMs)}
        >
          {formatAgo(time - replica.joinedAtMs)}
        </time>
      </td>
    </tr>
  );
}
