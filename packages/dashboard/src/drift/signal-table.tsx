import type { ReactNode } from "react";
import { formatCompact, formatCount, formatTick } from "../format.ts";
import type { DriftSignalStatus } from "../status.ts";
import { VerdictPill } from "./verdict-pill.tsx";

/** Properties of {@link SignalTable}. */
interface SignalTableProps {
  readonly signals: readonly DriftSignalStatus[];
}

/** No p-value: it is of one look, and the verdict goes by how seldom a stable stream looks so at all. */
const COLUMNS = [
  ...["Signal", "Verdict", "By chance once in", "Value", "Warns at", "Drift at", "Moved most"],
];

/** Features or classes that are named for each signal: more do not fit a line. */
const MOVED_SHOWN = 2;

/** Every signal with its bounds; on a narrow screen the style sheet turns rows into cards. */
export function SignalTable({ signals }: SignalTableProps): ReactNode {
  return (
    <table className="signals" role="table" aria-label="Signals of drift">
      <thead role="rowgroup">
        <tr role="row">
          {COLUMNS.map((name) => (
            <th key={name} role="columnheader" scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {signals.map((signal) => (
          <SignalRow key={signal.name} signal={signal} />
        ))}
      </tbody>
    </table>
  );
}

function SignalRow({ signal }: { readonly signal: DriftSignalStatus }): ReactNode {
  const { name, family, verdict, value, warningAt, driftAt, evidence, share, moved } = signal;
  const about = share < 1 ? `${family}, ${thinned(share)}` : family;
  const parts = moved.slice(0, MOVED_SHOWN).map((part) => `${part.name} ${figure(part.value)}`);
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {name} <span className="score-note">{about}</span>
      </th>
      <td role="cell" data-label="Verdict">
        {value === null ? (
          <span className="muted">no data yet</span>
        ) : (
          <VerdictPill verdict={verdict} />
        )}
      </td>
      <td role="cell" data-label="By chance once in" className="number">
        {evidence === null ? "–" : `${formatCompact(Math.max(1, evidence))} samples`}
      </td>
      <td role="cell" data-label="Value" className="number">
        {figure(value)}
      </td>
      <td role="cell" data-label="Warns at" className="number">
        {figure(warningAt)}
      </td>
      <td role="cell" data-label="Drift at" className="number">
        {figure(driftAt)}
      </td>
      <td role="cell" data-label="Moved most" className="muted">
        {parts.length === 0 ? "–" : parts.join(", ")}
      </td>
    </tr>
  );
}

/** How little of the stream it looks at, and what that costs. */
function thinned(share: number): string {
  const every = formatCount(1 / share);
  return `looks at 1 in ${every}, so a change takes ${every} times as long to be seen`;
}

function figure(value: number | null): string {
  return value === null ? "–" : formatTick(value);
}
