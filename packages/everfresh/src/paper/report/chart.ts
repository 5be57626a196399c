import { type Axis, axisOf, type AxisOptions } from "./axis.ts";
import { element, text } from "./svg.ts";

/** Colours that people with any colour vision tell apart (Okabe and Ito, 2008), and grey. */
export const COLOURS: readonly string[] = [
  ...["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a8a8a"],
];
const INK = "#333";
const GRID = "#e4e4e4";

/** A named row of points. */
export interface Series {
  readonly label: string;
  readonly colour: string;
  /** Lengths of dashes and gaps, as SVG has them; none for a whole line. */
  readonly dash?: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A place for a chart within a figure, axes included. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What a chart shows. */
export interface ChartOptions {
  readonly frame: Frame;
  readonly x: Omit<AxisOptions, "domain" | "range">;
  readonly y: Omit<AxisOptions, "domain" | "range"> & {
    /** Values below are cut off. @default the smallest */
    readonly from?: number;
  };
  readonly series: readonly Series[];
}

const MARGIN = { left: 56, bottom: 44, top: 10, right: 10 } as const;
/** Room beyond the outermost points, as a share of the extent. */
const ROOM = 0.04;

/** Lines over common axes. */
export function lineChart(options: ChartOptions): readonly string[] {
  const axes = axesOf(options);
  const { x, y } = axes;
  const lowest = options.y.from ?? -Infinity;
  const lines = options.series.map(({ colour, dash, points }) => {
    const shown = points.filter(([, value]) => value >= lowest);
    const places = shown.map(([px, py]) => `${round(x.at(px))},${round(y.at(py))}`);
    return element("polyline", {
      points: places.join(" "),
      fill: "none",
      stroke: colour,
      "stroke-width": 1.8,
      "stroke-linejoin": "round",
      ...(dash === undefined ? {} : { "stroke-dasharray": dash }),
    });
  });
  return [...drawAxes(options.frame, axes), ...lines];
}

/** Points with their names beside them. */
export function scatterChart(options: ChartOptions): readonly string[] {
  const axes = axesOf(options);
  const { x, y } = axes;
  const { left, width } = options.frame;
  const marks = options.series
    .flatMap(({ label, colour, points }) =>
      points.map(([px, py]) => ({ label, colour, cx: x.at(px), cy: y.at(py) })),
    )
    .sort((a, b) => a.cy - b.cy);
  const taken: LabelBox[] = [];
  const drawn = marks.flatMap(({ label, colour, cx, cy }) => {
    // Names stand on the side where there is room, and go down until they are on no other.
    const isRight = cx < left + 0.62 * width;
    const length = LABEL_LETTER * label.length;
    const from = isRight ? cx + 7 : cx - 7 - length;
    const box = { left: from, right: from + length, middle: cy };
    while (taken.some((other) => overlap(box, other))) box.middle += 1;
    taken.push(box);
    return [
      element("circle", { cx, cy, r: 4, fill: colour }),
      text(label, {
        x: isRight ? cx + 7 : cx - 7,
        y: box.middle + 4,
        "text-anchor": isRight ? "start" : "end",
        "font-size": 10,
        fill: INK,
      }),
    ];
  });
  return [...drawAxes(options.frame, axes), ...drawn];
}

/** Pixels of a letter of a name, and from one name to the next below it. */
const LABEL_LETTER = 5.4;
const LABEL_LINE = 11;

interface LabelBox {
  readonly left: number;
  readonly right: number;
  middle: number;
}

function overlap(a: LabelBox, b: LabelBox): boolean {
  return a.left < b.right && b.left < a.right && Math.abs(a.middle - b.middle) < LABEL_LINE;
}

/** Names of lines, one under the other. */
export function legend(
  series: readonly Series[],
  { left, top }: { readonly left: number; readonly top: number },
): readonly string[] {
  return series.flatMap(({ label, colour, dash }, i) => {
    const y = top + 18 * i;
    const stroke = {
      ...{ x1: left, x2: left + 22, y1: y, y2: y, stroke: colour, "stroke-width": 2.5 },
      ...(dash === undefined ? {} : { "stroke-dasharray": dash }),
    };
    return [element("line", stroke), text(label, { x: left + 28, y: y + 4, fill: INK })];
  });
}

interface Axes {
  readonly x: Axis;
  readonly y: Axis;
}

function axesOf({ frame, x, y, series }: ChartOptions): Axes {
  const points = series.flatMap((each) => each.points);
  const inside = insideOf(frame);
  const ys = domainOf(
    points.map(([, value]) => value),
    y.scale,
  );
  return {
    x: axisOf({
      ...x,
      domain: domainOf(
        points.map(([value]) => value),
        x.scale,
      ),
      range: [inside.left, inside.left + inside.width],
    }),
    y: axisOf({
      ...y,
      domain: [Math.max(ys[0], y.from ?? -Infinity), ys[1]],
      range: [inside.top + inside.height, inside.top],
    }),
  };
}

function insideOf({ left, top, width, height }: Frame): Frame {
  return {
    left: left + MARGIN.left,
    top: top + MARGIN.top,
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
}

/** From the smallest to the largest value, with some room beyond. */
function domainOf(values: readonly number[], scale: "linear" | "log"): readonly [number, number] {
  if (values.length === 0) return [1, 2];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (scale === "log") {
    const room = (high / low) ** ROOM;
    return [low / room, high * room];
  }
  const room = ROOM * (high - low);
  return [low - room, high + room];
}

function drawAxes(frame: Frame, { x, y }: Axes): readonly string[] {
  const { left, top, width, height } = insideOf(frame);
  const bottom = top + height;
  const grid = { stroke: GRID, "stroke-width": 1 };
  const small = { "font-size": 11, fill: INK };
  const middle = top + height / 2;
  return [
    ...y.ticks.flatMap(({ value, text: written }) => [
      element("line", { x1: left, x2: left + width, y1: y.at(value), y2: y.at(value), ...grid }),
      text(written, { x: left - 6, y: y.at(value) + 4, "text-anchor": "end", ...small }),
    ]),
    ...x.ticks.flatMap(({ value, text: written }) => [
      element("line", { x1: x.at(value), x2: x.at(value), y1: top, y2: bottom, ...grid }),
      text(written, { x: x.at(value), y: bottom + 16, "text-anchor": "middle", ...small }),
    ]),
    element("rect", { x: left, y: top, width, height, fill: "none", stroke: INK }),
    text(x.label, { x: left + width / 2, y: bottom + 36, "text-anchor": "middle", fill: INK }),
    text(y.label, {
      x: frame.left + 12,
      y: middle,
      "text-anchor": "middle",
      transform: `rotate(-90 ${round(frame.left + 12)} ${round(middle)})`,
      fill: INK,
    }),
  ];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
