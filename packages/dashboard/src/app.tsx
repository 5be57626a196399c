import { useState, type ReactNode } from "react";
import { ArrivalsPanels } from "./arrivals/arrivals-panels.tsx";
import { Charts } from "./charts/charts.tsx";
import { DriftPanel } from "./drift/drift-panel.tsx";
import { isStale, type Connection } from "./live/connection.ts";
import { useConnection } from "./live/use-connection.ts";
import { Banner } from "./page/banner.tsx";
import { PageHeader } from "./page/page-header.tsx";
import { Setup } from "./page/setup.tsx";
import { StatTiles } from "./page/stat-tiles.tsx";
import { ReplicasPanel } from "./replicas/replicas-panel.tsx";
import { ScoresPanel } from "./scores/scores-panel.tsx";

/** Properties of {@link App}. */
interface AppProps {
  /** Address of the page, below which the server's paths lie. */
  readonly base: URL;
  readonly now: () => number;
}

/** The page, connected. */
export function App({ base, now }: AppProps): ReactNode {
  const [model, setModel] = useState<string | null>(null);
  const connection = useConnection(base, model, now);
  return <LivePage connection={connection} base={base} now={now} onModel={setModel} />;
}

/** Properties of {@link LivePage}. */
interface LivePageProps extends AppProps {
  readonly connection: Connection;
  readonly onModel: (name: string) => void;
}

/** The page as a function of what is known. */
export function LivePage({ connection, base, now, onModel }: LivePageProps): ReactNode {
  const status = connection.received?.status ?? null;
  return (
    <>
      <Banner connection={connection} />
      <div className="page">
        <PageHeader connection={connection} now={now} onModel={onModel} />
        {status === null ? (
          <Connecting />
        ) : (
          <main className={isStale(connection) ? "figures stale" : "figures"}>
            <StatTiles status={status} />
            <Charts series={status.series} denseBytes={status.denseBytes} />
            <div className="row">
              <ScoresPanel scores={status.scores} />
              <ArrivalsPanels strategy={status.strategy} />
            </div>
            {connection.drift === null ? null : <DriftPanel drift={connection.drift} />}
            <ReplicasPanel status={status} base={base} now={now} />
            <Setup status={status} now={now} />
          </main>
        )}
      </div>
    </>
  );
}

function Connecting(): ReactNode {
  return (
    <main className="figures">
      <section className="panel empty" aria-label="Connecting">
        <h2>Waiting for the trainer</h2>
        <p>The figures appear as soon as it answers</p>
      </section>
    </main>
  );
}
