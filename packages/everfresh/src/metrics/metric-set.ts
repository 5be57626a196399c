import { Counter, Gauge, type Registry } from "prom-client";

/** Labels of a value beside that of the model. */
type Labels = Readonly<Record<string, string>>;

/** One value of a metric with labels. */
export interface LabelledValue {
  readonly labels: Labels;
  readonly value: number | null;
}

/** Metrics of one model at one moment. A value that is not known is left out. */
export class MetricSet {
  readonly #registry: Registry;
  readonly #model: string;

  constructor(registry: Registry, model: string) {
    this.#registry = registry;
    this.#model = model;
  }

  /** Something that goes up and down. */
  gauge(name: string, help: string, values: number | null | readonly LabelledValue[]): void {
    const { labelNames, known } = this.#known(values);
    if (known.length === 0) return;
    const gauge = new Gauge({ name, help, labelNames, registers: [this.#registry] });
    for (const { labels, value } of known) gauge.set(labels, value);
  }

  /** Something that only grows; its name ends in `_total`. */
  counter(name: string, help: string, values: number | null | readonly LabelledValue[]): void {
    const { labelNames, known } = this.#known(values);
    if (known.length === 0) return;
    const counter = new Counter({ name, help, labelNames, registers: [this.#registry] });
    for (const { labels, value } of known) counter.inc(labels, value);
  }

  #known(values: number | null | readonly LabelledValue[]): {
    readonly labelNames: string[];
    readonly known: readonly { readonly labels: Record<string, string>; readonly value: number }[];
  } {
    const list = Array.isArray(values)
      ? (values as readonly LabelledValue[])
      : [{ labels: {}, value: values as number | null }];
    const known = list.flatMap(({ labels, value }) =>
      value === null || Number.isNaN(value)
        ? []
        : [{ labels: { model: this.#model, ...labels }, value }],
    );
    return { labelNames: Object.keys(known[0]?.labels ?? {}), known };
  }
}
