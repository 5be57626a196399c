/** One direction of a chart: from values to pixels, with round numbers to write beside it. */
export interface Axis {
  readonly label: string;
  /** Pixel of a value. */
  readonly at: (value: number) => number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

/** What an axis shows, and where. */
export interface AxisOptions {
  readonly label: string;
  readonly scale: "linear" | "log";
  /** Smallest and largest value; above 0 for a logarithmic axis. */
  readonly domain: readonly [number, number];
  /** Pixels of the two. */
  readonly range: readonly [number, number];
  /** @default a number as people write it */
  readonly format?: (value: number) => string;
}

/** Ticks of a linear axis: about so many. */
const TICKS = 6;
/** A logarithmic axis of more decades than this has a tick per decade, otherwise three. */
const DECADES_MAX = 3;

/** An axis; a domain without extent becomes one that has. */
export function axisOf(options: AxisOptions): Axis {
  const { label, scale, format = plain } = options;
  const [from, to] = widened(options);
  const map = scale === "log" ? Math.log10 : (value: number): number => value;
  const [start, end] = options.range;
  const at = (value: number): number =>
    start + ((map(value) - map(from)) / (map(to) - map(from))) * (end - start);
  const values = scale === "log" ? logTicks(from, to) : linearTicks(from, to);
  return { label, at, ticks: values.map((value) => ({ value, text: format(value) })) };
}

function widened({ scale, domain: [from, to] }: AxisOptions): readonly [number, number] {
  if (to > from) return [from, to];
  return scale === "log" ? [from / 2, from * 2] : [from - 0.5, from + 0.5];
}

/** Multiples of 1, 2 or 5 times a power of ten. */
function linearTicks(from: number, to: number): readonly number[] {
  const rough = (to - from) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Powers of ten; with twice and five times them where there are few. */
function logTicks(from: number, to: number): readonly number[] {
  const [low, high] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const factors = Math.log10(to / from) > DECADES_MAX ? [1] : [1, 2, 5];
  const all = Array.from({ length: high - low + 1 }, (_, i) => low + i).flatMap((power) =>
    factors.map((factor) => Number((factor * 10 ** power).toPrecision(12))),
  );
  return all.filter((value) => value >= from * (1 - 1e-9) && value <= to * (1 + 1e-9));
}

function plain(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 6 });
}
