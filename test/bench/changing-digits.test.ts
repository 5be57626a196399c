import type { Sample } from "@everfresh/core";
import { defaultSignals } from "@everfresh/learn";
import { digits } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { changingDigits, DIGITS_CHANGES } from "../../bench/drift/changing-digits.ts";
import { firstAlarm, watch, type Watched } from "../../bench/drift/recorded-drift.ts";

const SCALE = 0.01;

async function source() {
  const drawn = digits({ seed: 1, size: 600 });
  const all: Sample[] = [];
  for await (const sample of drawn.read()) all.push(sample);
  return { ...drawn, all };
}

function changeNamed(part: string) {
  const found = DIGITS_CHANGES.find(({ name }) => name.includes(part));
  if (found === undefined) throw new Error(`no change is called ${part}`);
  return found;
}

describe("digits that change at a random sample", () => {
  it("are the same for a seed, change elsewhere for another, and no sample comes twice", async () => {
    const from = await source();
    const [first, again, other] = [5, 5, 6].map((seed) =>
      changingDigits(from, { seed, scale: SCALE }),
    );
    expect(again!.before).toEqual(first!.before);
    expect(other!.before.length).not.toBe(first!.before.length);
    const after = await first!.after(changeNamed("swap"));
    const ids = [...first!.initial, ...first!.before, ...after].map(({ id }) => id);
    expect(new Set(ids).size).toBe(100 + first!.before.length + 50);
    expect(first!.before.length).toBeGreaterThanOrEqual(120);
    expect(first!.before.length).toBeLessThanOrEqual(280);
  });

  it("keep their images where labels swap, and their labels where images turn", async () => {
    const from = await source();
    const stream = changingDigits(from, { seed: 3, scale: SCALE });
    const plain = new Map(from.all.map((sample) => [sample.id, sample]));
    for (const sample of await stream.after(changeNamed("swap"))) {
      const { features, label } = plain.get(sample.id)!;
      expect(sample.features).toBe(features);
      expect(sample.label).toBe(label === 3 ? 8 : label === 8 ? 3 : label);
    }
    for (const sample of await stream.after(changeNamed("30°, at once"))) {
      expect(sample.label).toBe(plain.get(sample.id)!.label);
      expect(sample.features).not.toEqual(plain.get(sample.id)!.features);
    }
  });

  it("turn gradually: few of the first, all of the last", async () => {
    const from = await source();
    const plain = new Map(from.all.map(({ id, features }) => [id, features]));
    const after = await changingDigits(from, { seed: 4, scale: SCALE }).after(
      changeNamed("gradually"),
    );
    const isNew = after.map(({ id, features }) => features !== plain.get(id));
    expect(isNew.slice(0, 10).filter(Boolean).length).toBeLessThan(6);
    expect(isNew.slice(40)).toEqual(new Array(10).fill(true));
  });
});

describe("a monitor over recorded answers", () => {
  const LAG = 200;
  const CHANGE = 1_500;
  const labelled = defaultSignals().filter(({ input }) => input === "errors");

  /** A model that errs in every tenth sample, and in every second one after the change. */
  function recorded(to: number): Watched {
    const numbers = Array.from({ length: to }, (_, i) => i);
    const isWrong = (i: number): boolean => i % (i < CHANGE ? 10 : 2) === 0;
    return {
      samples: numbers.map((i) => ({
        ...{ id: `s${i}`, eventTimeMs: i, features: new Uint8Array(784) },
        label: isWrong(i) ? 1 : 0,
      })),
      probabilities: numbers.map(() => Float64Array.from({ length: 10 }, (_, k) => +(k === 0))),
      hits: Uint8Array.from(numbers, (i) => (isWrong(i) ? 0 : 1)),
    };
  }

  it("sees what labels tell when these come, and no sooner", () => {
    const options = { spec: { signals: labelled }, seed: 1, lag: LAG };
    const before = watch(recorded(CHANGE), options);
    expect(before.alarms).toEqual([]);
    const alarm = firstAlarm(recorded(3_000), CHANGE, { ...options, ...before });
    expect(alarm).toBeGreaterThan(CHANGE + LAG);
    expect(alarm).toBeLessThan(CHANGE + LAG + 100);
  });
});
