import type { ReactNode } from "react";
import { formatAgo, formatCount, shortFingerprint } from "../format.ts";
import { pagePhase, type Connection } from "../live/connection.ts";
import { CopyButton } from "./copy-button.tsx";
import { PhasePill } from "./phase-pill.tsx";
import { useNow } from "./use-now.ts";
import { WordMark } from "./word-mark.tsx";

/** Properties of {@link PageHeader}. */
interface PageHeaderProps {
  readonly connection: Connection;
  readonly now: () => number;
  readonly onModel: (name: string) => void;
}

/** Which model this is, what it does now and which exact state is deployed. */
export function PageHeader({ connection, now, onModel }: PageHeaderProps): ReactNode {
  const status = connection.received?.status ?? null;
  return (
    <header className="page-head">
      <div className="head-row">
        <WordMark />
        <UpdatedAgo receivedAtMs={connection.received?.atMs ?? null} now={now} />
      </div>
      <div className="head-row">
        <ModelName name={status?.name ?? null} models={connection.models} onModel={onModel} />
        <PhasePill phase={pagePhase(connection)} />
      </div>
      {status === null ? null : (
        <dl className="facts">
          <Fact label="Source">{status.source}</Fact>
          <Fact label="Version">{formatCount(status.version)}</Fact>
          <Fact label="Fingerprint">
            <code title={status.fingerprint}>{shortFingerprint(status.fingerprint)}</code>
            <CopyButton text={status.fingerprint} what="the fingerprint" />
          </Fact>
        </dl>
      )}
    </header>
  );
}

function ModelName({
  name,
  models,
  onModel,
}: {
  readonly name: string | null;
  readonly models: readonly string[];
  readonly onModel: (name: string) => void;
}): ReactNode {
  if (name === null || models.length < 2) return <h1>{name ?? "Live model"}</h1>;
  return (
    <h1>
      <select
        aria-label="Model"
        value={name}
        onChange={(event) => onModel(event.currentTarget.value)}
      >
        {models.map((model) => (
          <option key={model}>{model}</option>
        ))}
      </select>
    </h1>
  );
}

function Fact(props: { readonly label: string; readonly children: ReactNode }): ReactNode {
  return (
    <div className="fact">
      <dt>{props.label}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function UpdatedAgo(props: {
  readonly receivedAtMs: number | null;
  readonly now: () => number;
}): ReactNode {
  const time = useNow(props.now, 1_000);
  if (props.receivedAtMs === null) return null;
  return <span className="updated">Updated {formatAgo(time - props.receivedAtMs)}</span>;
}
