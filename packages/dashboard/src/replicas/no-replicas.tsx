import type { ReactNode } from "react";
import { CopyButton } from "../page/copy-button.tsx";
import { replicaCommand } from "./replica-address.ts";

/** Properties of {@link NoReplicas}. */
interface NoReplicasProps {
  readonly base: URL;
  readonly model: string;
}

/** What to do when nobody follows the model yet. */
export function NoReplicas({ base, model }: NoReplicasProps): ReactNode {
  const command = replicaCommand(base, model);
  return (
    <div className="no-replicas">
      <p>No replica follows this model yet. Start one:</p>
      <div className="command">
        <code>{command}</code>
        <CopyButton text={command} what="the command" />
      </div>
    </div>
  );
}
