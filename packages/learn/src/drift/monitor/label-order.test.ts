import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LabelOrder, type OrderedFate } from "./label-order.ts";

type Event =
  | { readonly kind: "predict"; readonly gap: number }
  | { readonly kind: "label" | "expire"; readonly sequence: number };

const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("predict" as const), gap: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant("label" as const), sequence: fc.nat(60) }),
    fc.record({ kind: fc.constant("label" as const), sequence: fc.nat(60) }),
    fc.record({ kind: fc.constant("expire" as const), sequence: fc.nat(60) }),
  ),
  { maxLength: 120 },
);

/** The same by lists that are looked through from the front: slow, and hard to get wrong. */
class Oracle {
  readonly rows: { sequence: number; state: "awaited" | "held" | "done" | "gone" }[] = [];
  passedOver = 0;
  readonly #heldMax: number;

  constructor(heldMax: number) {
    this.#heldMax = heldMax;
  }

  labelled(sequence: number): OrderedFate | "taken or waits" {
    const row = this.rows.find((each) => each.sequence === sequence);
    if (row === undefined) return "unknown";
    if (row.state === "gone") return "tooLate";
    if (row.state !== "awaited") return "duplicate";
    row.state = "held";
    return "taken or waits";
  }

  expired(sequence: number): OrderedFate {
    const row = this.rows.find((each) => each.sequence === sequence);
    if (row === undefined) return "unknown";
    if (row.state !== "awaited") return "duplicate";
    row.state = "gone";
    return "taken";
  }

  next(): number | null {
    for (const row of this.rows) {
      if (row.state === "held") {
        row.state = "done";
        return row.sequence;
      }
      if (row.state !== "awaited") continue;
      if (this.rows.filter(({ state }) => state === "held").length <= this.#heldMax) return null;
      row.state = "gone";
      this.passedOver++;
    }
    return null;
  }
}

function drained(order: { next(): unknown }): unknown[] {
  const all: unknown[] = [];
  for (let next = order.next(); next !== null; next = order.next()) all.push(next);
  return all;
}

describe("the order of labels", () => {
  it("is that of predictions, whatever comes when", () => {
    fc.assert(
      fc.property(events, fc.nat(4), (list, heldMax) => {
        const order = new LabelOrder(heldMax);
        const oracle = new Oracle(heldMax);
        let sequence = 4;
        const given: number[] = [];
        for (const event of list) {
          if (event.kind === "predict") {
            sequence += event.gap;
            order.predicted(sequence);
            oracle.rows.push({ sequence, state: "awaited" });
          } else if (event.kind === "expire") {
            expect(order.expired(event.sequence)).toBe(oracle.expired(event.sequence));
          } else {
            const values = [event.sequence / 2];
            const fate = order.labelled({ sequence: event.sequence, values });
            const expected = oracle.labelled(event.sequence);
            if (expected !== "taken or waits") expect(fate).toBe(expected);
            else expect(["taken", "waits"]).toContain(fate);
          }
          for (const next of drained(order) as { sequence: number; values: number[] }[]) {
            expect(next.sequence).toBe(oracle.next());
            expect(next.values).toEqual([next.sequence / 2]);
            given.push(next.sequence);
          }
          expect(oracle.next()).toBeNull();
        }
        expect(given).toEqual([...given].sort((a, b) => a - b));
        expect(order.passedOver).toBe(oracle.passedOver);
      }),
      { numRuns: 300 },
    );
  });

  it("waits for a label until it comes, and says how many others waited", () => {
    const order = new LabelOrder(10);
    for (let sequence = 0; sequence < 4; sequence++) order.predicted(sequence);
    expect(order.labelled({ sequence: 2, values: [] })).toBe("waits");
    expect(order.labelled({ sequence: 1, values: [] })).toBe("waits");
    expect(drained(order)).toEqual([]);
    expect(order.labelled({ sequence: 0, values: [] })).toBe("taken");
    expect((drained(order) as { sequence: number }[]).map((each) => each.sequence)).toEqual([
      0, 1, 2,
    ]);
    expect(order.reordered).toBe(2);
  });

  it("passes over a label that holds up too many, and knows it when it comes after all", () => {
    const order = new LabelOrder(2);
    for (let sequence = 0; sequence < 5; sequence++) order.predicted(sequence);
    for (const sequence of [1, 2, 3]) order.labelled({ sequence, values: [] });
    expect(drained(order)).toHaveLength(3);
    expect(order.passedOver).toBe(1);
    expect(order.labelled({ sequence: 0, values: [] })).toBe("tooLate");
  });

  it("does not remember labels for ever", () => {
    const order = new LabelOrder(10);
    order.predicted(5);
    order.predicted(5 + 2 ** 17);
    expect(order.labelled({ sequence: 5, values: [] })).toBe("unknown");
    expect(order.passedOver).toBe(1);
    order.predicted(2 ** 40);
    expect(order.labelled({ sequence: 5 + 2 ** 17, values: [] })).toBe("unknown");
    expect(order.labelled({ sequence: 2 ** 40, values: [] })).toBe("taken");
    expect(drained(order)).toHaveLength(1);
  });

  it("goes on from its numbers as if nothing had happened", () => {
    fc.assert(
      fc.property(events, events, (before, after) => {
        let sequence = 4;
        const play = (order: LabelOrder, list: readonly Event[], from: number): unknown[] => {
          sequence = from;
          return list.map((event) => {
            if (event.kind === "predict") {
              sequence += event.gap;
              order.predicted(sequence);
              return drained(order);
            }
            const given = { sequence: event.sequence, values: [1, event.sequence] };
            const fate =
              event.kind === "label" ? order.labelled(given) : order.expired(event.sequence);
            return [fate, ...drained(order)];
          });
        };
        const whole = new LabelOrder(3);
        play(whole, before, 4);
        const resumed = new LabelOrder(3);
        resumed.remember(JSON.parse(JSON.stringify(whole.numbers())) as number[]);
        const at = sequence;
        expect(play(resumed, after, at)).toEqual(play(whole, after, at));
        expect(resumed.numbers()).toEqual(whole.numbers());
      }),
      { numRuns: 100 },
    );
  });
});
