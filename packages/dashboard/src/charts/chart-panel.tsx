import type { ReactNode } from "react";
import { Chart, type ChartProps } from "./chart.tsx";

/** A chart with its title and a legend that reads the values at the cursor, or the newest. */
export function ChartPanel<Column extends string>(props: ChartProps<Column>): ReactNode {
  const { plot, columns, cursor } = props;
  const index = cursor ?? columns.samples.length - 1;
  const titleId = `chart-${plot.id}`;
  return (
    <section className={`panel panel-${plot.id}`} aria-labelledby={titleId}>
      <header className="panel-head">
        <div>
          <h2 id={titleId}>{plot.title}</h2>
          <p className="panel-note">{plot.subtitle}</p>
        </div>
        <Legend plot={plot} columns={columns} index={index} />
      </header>
      <Chart {...props} />
    </section>
  );
}

/** The lines of a plot with their values at one point. */
export function Legend<Column extends string>({
  plot,
  columns,
  index,
}: Pick<ChartProps<Column>, "plot" | "columns"> & { readonly index: number }): ReactNode {
  return (
    <dl className="legend">
      {plot.lines.map((line) => (
        <div key={line.column} className="legend-entry">
          <dt>
            <svg className={`swatch swatch-${line.colour}`} viewBox="0 0 22 4" aria-hidden="true">
              <line x1="0" y1="2" x2="22" y2="2" strokeDasharray={line.dash.join(" ")} />
            </svg>
            {line.label}
          </dt>
          <dd>{plot.value(columns[line.column][index] ?? null)}</dd>
        </div>
      ))}
    </dl>
  );
}
