import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { axisOf, type AxisOptions } from "./axis.ts";
import { lineChart, scatterChart } from "./chart.ts";
import { element, svgDocument, text } from "./svg.ts";

const FRAME = { left: 0, top: 0, width: 400, height: 300 };
const PLAIN = { label: "", scale: "linear" } as const;

/** The values of an attribute, in order. */
function numbersOf(svg: string, attribute: string): readonly number[] {
  return [...svg.matchAll(new RegExp(` ${attribute}="([^"]*)"`, "g"))].map(([, value]) =>
    Number(value),
  );
}

describe("an axis", () => {
  const domains = fc
    .tuple(
      fc.double({ min: 1e-3, max: 1e9, noNaN: true }),
      fc.double({ min: 1.0001, max: 1e6, noNaN: true }),
    )
    .map(([from, factor]) => [from, from * factor] as const);

  it.each(["linear", "log"] as const)(
    "has few round ticks within its domain, in order, whatever the domain (%s)",
    (scale) => {
      fc.assert(
        fc.property(domains, (domain) => {
          const options: AxisOptions = { label: "", scale, domain, range: [50, 350] };
          const { ticks, at } = axisOf(options);
          expect(ticks.length).toBeLessThanOrEqual(12);
          const places = ticks.map(({ value }) => at(value));
          expect(places).toEqual([...places].sort((a, b) => a - b));
          for (const place of places) {
            expect(place).toBeGreaterThan(49.9);
            expect(place).toBeLessThan(350.1);
          }
          expect(at(domain[0])).toBeCloseTo(50, 6);
          expect(at(domain[1])).toBeCloseTo(350, 6);
        }),
      );
    },
  );

  it("has the ticks that a person would choose", () => {
    const ticks = (scale: "linear" | "log", domain: readonly [number, number]): readonly number[] =>
      axisOf({ label: "", scale, domain, range: [0, 1] }).ticks.map(({ value }) => value);
    expect(ticks("linear", [0, 50_000])).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000]);
    expect(ticks("linear", [0.9712, 0.9871])).toEqual([0.975, 0.98, 0.985]);
    expect(ticks("log", [3, 450])).toEqual([5, 10, 20, 50, 100, 200]);
    expect(ticks("log", [900, 2e9])).toEqual([1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]);
  });

  it("makes room for a single value", () => {
    const { at } = axisOf({ label: "", scale: "log", domain: [7, 7], range: [0, 100] });
    expect(at(7)).toBeCloseTo(50, 6);
  });
});

describe("a chart", () => {
  it("draws larger values further up and to the right", () => {
    const points = [
      [0, 0.1],
      [10, 0.5],
      [20, 0.9],
    ] as const;
    const series = [{ label: "a", colour: "#000", points }];
    const svg = lineChart({ frame: FRAME, x: PLAIN, y: PLAIN, series }).join("\n");
    const [, line = ""] = /points="([^"]+)"/.exec(svg) ?? [];
    const places = line.split(" ").map((place) => place.split(",").map(Number));
    expect(places).toHaveLength(3);
    const [[x0 = 0, y0 = 0] = [], , [x2 = 0, y2 = 0] = []] = places;
    expect(x2).toBeGreaterThan(x0);
    expect(y2).toBeLessThan(y0);
  });

  it("keeps names of points that are close to one another apart", () => {
    const series = ["first", "second", "third"].map((label, i) => ({
      label,
      colour: "#000",
      points: [[1 + i / 1_000, 0.5] as const],
    }));
    const svg = scatterChart({
      frame: FRAME,
      x: PLAIN,
      y: PLAIN,
      series: [...series, { label: "far", colour: "#000", points: [[9, 0.9]] }],
    }).join("\n");
    const names = svg.split("\n").filter((line) => />(first|second|third)</.test(line));
    const heights = names.map((line) => numbersOf(line, "y")[0] ?? 0).sort((a, b) => a - b);
    expect((heights[1] ?? 0) - (heights[0] ?? 0)).toBeGreaterThanOrEqual(10);
    expect((heights[2] ?? 0) - (heights[1] ?? 0)).toBeGreaterThanOrEqual(10);
  });
});

describe("SVG", () => {
  it("never takes text for markup", () => {
    expect(text('<b> & "c"', { x: 1 })).toBe('<text x="1">&lt;b&gt; &amp; &quot;c&quot;</text>');
    expect(element("line", { stroke: '"' })).toBe('<line stroke="&quot;"/>');
    const document = svgDocument({ width: 10, height: 10, title: "a < b" }, []);
    expect(document).toContain("<title>a &lt; b</title>");
  });
});
