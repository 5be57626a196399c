import type { ReactNode } from "react";
import type { ArrivalFact } from "./arrival-facts.ts";

/** Properties of {@link FactsPanel}. */
interface FactsPanelProps {
  /** Of its heading, unique on the page. */
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly facts: readonly ArrivalFact[];
}

/** Figures one below the other, each with what it means. */
export function FactsPanel({ id, title, note, facts }: FactsPanelProps): ReactNode {
  return (
    <section className="panel" aria-labelledby={id}>
      <header className="panel-head">
        <div>
          <h2 id={id}>{title}</h2>
          <p className="panel-note">{note}</p>
        </div>
      </header>
      <dl className="arrivals">
        {facts.map(({ label, value, detail }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <span className="arrival-value">{value}</span>
              <span className="arrival-detail">{detail}</span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
