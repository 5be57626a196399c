/** LSTM, GRU and RNN as the ONNX specification writes them, one number at a time in float64. */
import type { RecurrentKind } from "../graph/operator-kind.ts";
import type { RecurrentCase } from "./recurrent-cases.fixture.ts";

/** Y, Y_h and, of an LSTM, Y_c, row by row. */
export type RecurrentOutputs = readonly (readonly number[])[];

/** Numbers of every input; null where an optional one is not given. */
export type RecurrentNumbers = readonly (readonly number[] | null)[];

/** The outputs of a layer for the given numbers. */
export function referenceOutputs(
  kind: RecurrentKind,
  { sizes, attributes }: RecurrentCase,
  numbers: RecurrentNumbers,
): RecurrentOutputs {
  const { steps, batch, inputs, hidden, directions } = sizes;
  const rows = { GRU: 3, LSTM: 4, RNN: 1 }[kind] * hidden;
  const [x, w, r] = numbers.slice(0, 3).map((list) => list ?? []);
  const [, , , b, , h0, c0] = numbers;
  if (!x || !w || !r) throw new Error("a layer has a sequence and weights");
  const y = new Array<number>(steps * directions * batch * hidden).fill(0);
  const lastHidden: number[] = [];
  const lastCell: number[] = [];
  const linear = attributes["linear_before_reset"]?.value === 1;
  for (let d = 0; d < directions; d++) {
    const reversed = d === 1 || attributes["direction"]?.value === "reverse";
    for (let n = 0; n < batch; n++) {
      const state = (values: readonly number[] | null | undefined): number[] =>
        Array.from({ length: hidden }, (_, k) => values?.[(d * batch + n) * hidden + k] ?? 0);
      let h = state(h0);
      let c = state(c0);
      for (let s = 0; s < steps; s++) {
        const t = reversed ? steps - 1 - s : s;
        const fromInput = (row: number): number =>
          dot(w, (d * rows + row) * inputs, x, (t * batch + n) * inputs, inputs) +
          (b?.[d * 2 * rows + row] ?? 0);
        const fromState = (row: number, of: readonly number[]): number =>
          dot(r, (d * rows + row) * hidden, of, 0, hidden) + (b?.[(d * 2 + 1) * rows + row] ?? 0);
        const step = { hidden, h, c, linear, fromInput, fromState };
        ({ h, c } = { GRU: gruStep, LSTM: lstmStep, RNN: rnnStep }[kind](step));
        h.forEach((value, k) => {
          y[((t * directions + d) * batch + n) * hidden + k] = value;
        });
      }
      lastHidden.push(...h);
      lastCell.push(...c);
    }
  }
  return kind === "LSTM" ? [y, lastHidden, lastCell] : [y, lastHidden];
}

interface Step {
  readonly hidden: number;
  readonly h: readonly number[];
  readonly c: readonly number[];
  readonly linear: boolean;
  readonly fromInput: (row: number) => number;
  readonly fromState: (row: number, of: readonly number[]) => number;
}

interface State {
  readonly h: number[];
  readonly c: number[];
}

function lstmStep({ hidden, h, c, fromInput, fromState }: Step): State {
  const sum = (gate: number, k: number): number =>
    fromInput(gate * hidden + k) + fromState(gate * hidden + k, h);
  const cell = c.map(
    (old, k) => sigmoid(sum(2, k)) * old + sigmoid(sum(0, k)) * Math.tanh(sum(3, k)),
  );
  return { h: cell.map((value, k) => sigmoid(sum(1, k)) * Math.tanh(value)), c: cell };
}

function rnnStep({ h, fromInput, fromState }: Step): State {
  return { h: h.map((_, k) => Math.tanh(fromInput(k) + fromState(k, h))), c: [] };
}

function gruStep({ hidden, h, linear, fromInput, fromState }: Step): State {
  const gate = (index: number): number[] =>
    h.map((_, k) => sigmoid(fromInput(index * hidden + k) + fromState(index * hidden + k, h)));
  const z = gate(0);
  const r = gate(1);
  const reset = h.map((value, k) => value * (r[k] ?? 0));
  return {
    h: h.map((old, k) => {
      const row = 2 * hidden + k;
      const inner = linear ? (r[k] ?? 0) * fromState(row, h) : fromState(row, reset);
      const n = Math.tanh(fromInput(row) + inner);
      return (1 - (z[k] ?? 0)) * n + (z[k] ?? 0) * old;
    }),
    c: [],
  };
}

function dot(
  a: readonly number[],
  fromA: number,
  b: readonly number[],
  fromB: number,
  length: number,
): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (a[fromA + i] ?? 0) * (b[fromB + i] ?? 0);
  return sum;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
