import type { ReactNode } from "react";
import { formatAccuracy } from "../format.ts";
import type { ModelScores } from "../status.ts";
import { type ScoreRow, scoreRows } from "./score-rows.ts";

/** Properties of {@link ScoresPanel}. */
interface ScoresPanelProps {
  /** Null before the first sample. */
  readonly scores: ModelScores | null;
}

/** How accurate the states are beside what needs no training. */
export function ScoresPanel({ scores }: ScoresPanelProps): ReactNode {
  return (
    <section className="panel" aria-labelledby="scores">
      <header className="panel-head">
        <div>
          <h2 id="scores">Accuracy beside the baselines</h2>
          <p className="panel-note">Before a sample is learned; a few seconds old</p>
        </div>
      </header>
      {scores === null ? <p className="muted">No sample has its label yet</p> : table(scores)}
    </section>
  );
}

function table(scores: ModelScores): ReactNode {
  return (
    <table className="scores" aria-labelledby="scores">
      <thead>
        <tr>
          <th scope="col">
            <span className="off-screen">State or rule</span>
          </th>
          <th scope="col">Newest 1,000</th>
          <th scope="col">All samples</th>
        </tr>
      </thead>
      <tbody>
        {scoreRows(scores).map((row) => (
          <Row key={row.kind} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row }: { readonly row: ScoreRow }): ReactNode {
  return (
    <tr className={`score-${row.kind}`}>
      <th scope="row">
        {row.label} <span className="score-note">{row.note}</span>
      </th>
      <td>{formatAccuracy(row.window)}</td>
      <td>{formatAccuracy(row.cumulative)}</td>
    </tr>
  );
}
