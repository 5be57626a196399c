import { type DriftVerdictReport, Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DriftMonitor } from "./drift-monitor.ts";
import type { DriftMonitorCheckpoint } from "./drift-monitor-checkpoint.ts";
import type { DriftSpec } from "./drift-spec.ts";
import { driftStream, SMALL, type StreamSample } from "./drift-stream.fixture.ts";

type Report = DriftVerdictReport | null;

function monitorOf(spec: DriftSpec = SMALL, checkpoint?: DriftMonitorCheckpoint): DriftMonitor {
  return new DriftMonitor({ spec, features: 4, classes: 3, seed: 1, checkpoint });
}

/** Plays samples whose labels come so many samples later; all labels have come at the end. */
function play(monitor: DriftMonitor, stream: readonly StreamSample[], lag = 0): Report[] {
  const reports = stream.flatMap(({ predicted }, i) => {
    const late = stream[i - lag];
    return [monitor.predicted(predicted), late ? monitor.labelled(late.labelled) : null];
  });
  for (const { labelled } of lag > 0 ? stream.slice(-lag) : []) {
    reports.push(monitor.labelled(labelled));
  }
  return reports.filter((report) => report !== null);
}

const sent = <Data>(data: Data): Data => JSON.parse(JSON.stringify(data)) as Data;

describe("a drift monitor", () => {
  it("says nothing of too few samples, and then that all is stable", () => {
    const monitor = monitorOf();
    expect(monitor.status()).toMatchObject({
      ...{ verdict: "stable", since: null, samples: 0, records: 0 },
      explanation: "Too few samples yet to say anything.",
    });
    expect(monitor.status().families.map(({ hasData }) => hasData)).toEqual([false, false, false]);
    play(monitor, driftStream(1, [{ count: 600 }]));
    const { families, likelihood, explanation, signals } = monitor.status();
    expect(families.map(({ hasData }) => hasData)).toEqual([true, true, true]);
    expect(likelihood).toBeGreaterThan(0);
    expect(likelihood).toBeLessThan(0.2);
    expect(explanation).toMatch(/^No change is seen; the most that moves is /);
    for (const { value, warningAt, driftAt, share } of signals) {
      expect(share).toBe(1);
      expect(value!).toBeLessThan(driftAt!);
      expect(warningAt!).toBeLessThanOrEqual(driftAt!);
    }
  });

  it("sees errors rise, names the signal, the rates and the place, and is sure of it", () => {
    const monitor = monitorOf();
    const reports = play(monitor, driftStream(2, [{ count: 1_500 }, { count: 400, errors: 0.6 }]));
    const drift = reports.find((report) => report?.verdict === "drift")!;
    const { record, likelihood, since, explanation } = drift;
    expect(record).toMatchObject({ verdict: "drift", outcome: "confirmed", version: 23 });
    expect(record?.signals[0]).toBe("errors");
    expect(record!.at.sequence).toBeGreaterThanOrEqual(1_500);
    expect(record!.at.sequence).toBeLessThan(1_600);
    expect(Math.abs(since!.sequence - 1_500)).toBeLessThan(30);
    expect(since!.eventTimeMs).toBe(1_700_000_000_000 + 60_000 * since!.sequence);
    expect(likelihood).toBeGreaterThan(0.7);
    expect(explanation).toMatch(/^Drift: errors went from 0\.\d+ to 0\.\d+, most in class \d/);
    expect(explanation).toContain(`since about sample ${since!.sequence} (2023-11-`);
    const errors = monitor.status().signals.find(({ name }) => name === "errors");
    expect(errors).toMatchObject({ alarms: 1 });
    // A warning came before it, and is confirmed by it.
    const warning = monitor
      .history()
      .filter(({ verdict }) => verdict === "warning")
      .at(-1);
    expect(warning).toMatchObject({ outcome: "confirmed" });
    expect(warning!.at.sequence).toBeLessThan(record!.at.sequence);
    expect(warning!.outcomeAt).toEqual(record!.at);
  });

  it("takes longer memory for granted in a signal whose drift labels have taken back", () => {
    const shifts = Array.from({ length: 6 }, (_, i) => ({ count: 1_500, feature: i % 2 }));
    const monitor = monitorOf({ ...SMALL, withinSamples: 300 });
    const fresh = monitorOf({ ...SMALL, withinSamples: 300 });
    const rowsIn = (each: DriftMonitor): number =>
      each.checkpoint().signals.all[0]!.detector.numbers.length;
    play(monitor, driftStream(3, shifts));
    play(fresh, driftStream(3, [{ count: 9_000 }]));
    const withdrawn = monitor.history().filter(({ outcome }) => outcome === "withdrawn");
    expect(withdrawn.some(({ verdict }) => verdict === "drift")).toBe(true);
    expect(fresh.history().filter(({ verdict }) => verdict === "drift")).toEqual([]);
    expect(rowsIn(monitor)).toBeGreaterThan(2 * rowsIn(fresh));
  });

  it("is stable again when its signals know what is normal now", () => {
    const monitor = monitorOf();
    const reports = play(
      monitor,
      driftStream(2, [{ count: 1_500 }, { count: 1_000, errors: 0.6 }]),
    );
    const drift = reports.findIndex((report) => report?.verdict === "drift");
    const seenAt = reports[drift]!.record!.at.sequence;
    expect(reports[drift + 1]).toMatchObject({ verdict: "stable", record: null, since: null });
    expect(monitor.status()).toMatchObject({ verdict: "stable", samples: 2_500 });
    const short = monitorOf();
    const stream = driftStream(2, [{ count: 1_500 }, { count: 1_000, errors: 0.6 }]);
    play(short, stream.slice(0, seenAt + 300));
    expect(short.status().verdict).toBe("drift");
    play(short, stream.slice(seenAt + 300, seenAt + 301));
    expect(short.status().verdict).toBe("stable");
  });

  it("acts at once on features, names the one that moved, and takes it back when labels are calm", () => {
    const monitor = monitorOf({ ...SMALL, withinSamples: 500 });
    const stream = driftStream(3, [{ count: 1_500 }, { count: 1_500, feature: 3 }]);
    const reports = play(monitor, stream, 400);
    const drift = reports.find((report) => report?.verdict === "drift")!;
    const { record } = drift;
    expect(record).toMatchObject({
      outcome: "open",
      outcomeAt: null,
      signals: ["feature distance"],
    });
    expect(record!.at.sequence).toBeLessThan(1_600);
    expect(Math.abs(record!.since!.sequence - 1_500)).toBeLessThan(20);
    expect(drift.explanation).toContain("most in feature 1");
    const withdrawn = reports.find(
      (report) => report?.record?.outcome === "withdrawn" && report.record.id === record!.id,
    )!;
    expect(withdrawn.verdict).toBe("stable");
    // When the label of the 500th sample since the change has come.
    const at = withdrawn.record!.outcomeAt!.sequence;
    expect(Math.abs(at - (record!.since!.sequence + 500 + 400))).toBeLessThanOrEqual(10);
    expect(monitor.history().filter(({ verdict }) => verdict === "drift")).toHaveLength(1);
  });

  it("lets late labels confirm what doubts have seen, and does not alarm once more", () => {
    const monitor = monitorOf();
    const stream = driftStream(4, [{ count: 1_500 }, { count: 2_000, sure: 0.3, errors: 0.5 }]);
    const reports = play(monitor, stream, 500);
    const drift = reports.find((report) => report?.verdict === "drift")!.record!;
    expect(drift).toMatchObject({ outcome: "open", signals: ["margin"] });
    expect(drift.at.sequence).toBeLessThan(1_600);
    const later = monitor.history().filter(({ verdict }) => verdict === "drift");
    expect(later).toHaveLength(1);
    expect(later[0]).toMatchObject({ id: drift.id, outcome: "confirmed" });
    expect(later[0]!.outcomeAt!.sequence).toBeGreaterThan(2_000);
    expect(later[0]!.outcomeAt!.sequence).toBeLessThan(2_150);
  });

  it.each([
    ["labels that do not agree", 200, "withdrawn"],
    ["too few labels", 390, "unsettled"],
  ])("settles what is open when another model is pinned: %s", (_what, lag, outcome) => {
    const signals = SMALL.signals!.slice(0, 1);
    const monitor = monitorOf({ ...SMALL, withinSamples: 5_000, signals });
    const stream = driftStream(8, [{ count: 800 }, { count: 400, feature: 3 }]);
    const last = stream.length;
    for (const [i, { predicted }] of stream.entries()) {
      monitor.predicted(predicted);
      const late = stream[i - lag];
      if (late !== undefined) monitor.labelled(late.labelled);
    }
    const open = monitor.history().filter((record) => record.outcome === "open");
    expect(open.map(({ verdict }) => verdict)).toEqual(["drift"]);
    const reports = monitor.pin();
    expect(reports.map(({ record }) => [record?.id, record?.outcome])).toEqual([
      [open[0]?.id, outcome],
    ]);
    expect(monitor.history().find(({ id }) => id === open[0]?.id)).toMatchObject({
      outcome,
      outcomeAt: { sequence: last - 1 },
    });
    // It is told once.
    expect(monitor.pin()).toEqual([]);
  });

  it("gives a drift up, unsettled, for which labels never come", () => {
    const monitor = monitorOf({
      ...SMALL,
      withinSamples: 100,
      signals: SMALL.signals!.slice(0, 1),
    });
    const stream = driftStream(8, [{ count: 800 }, { count: 1_200, feature: 3 }]);
    for (const { predicted, labelled } of stream) {
      monitor.predicted(predicted);
      const { sequence } = predicted;
      // Fewer than thirty since the change, and then so late that nobody waits any more.
      if (sequence < 800 || sequence % 45 === 0) monitor.labelled(labelled);
      else monitor.expired(sequence);
    }
    const [drift] = monitor.history().filter(({ verdict }) => verdict === "drift");
    expect(drift).toMatchObject({ outcome: "unsettled" });
    const waited = (drift?.outcomeAt?.sequence ?? 0) - (drift?.since?.sequence ?? 0);
    expect(waited).toBeGreaterThanOrEqual(8 * 100);
  });

  it("tells a change that labels show from an earlier one that was seen without them", () => {
    const monitor = monitorOf();
    const parts = [{ count: 1_500 }, { count: 400, feature: 3 }, { count: 300, feature: 3, errors: 0.7 }]; // prettier-ignore
    play(monitor, driftStream(3, parts));
    const drifts = monitor.history().filter(({ verdict }) => verdict === "drift");
    expect(drifts.map(({ signals }) => signals[0])).toEqual(["feature distance", "errors"]);
    expect(drifts.map(({ outcome }) => outcome)).toEqual(["open", "confirmed"]);
    expect(Math.abs(drifts[1]!.since!.sequence - 1_900)).toBeLessThan(30);
  });

  it("keeps its budget on streams that do not change", () => {
    let alarms = 0;
    for (let seed = 0; seed < 5; seed++) {
      const monitor = monitorOf({ ...SMALL, falseAlarmEvery: 2_000 });
      play(monitor, driftStream(seed + 50, [{ count: 2_400 }]));
      alarms += monitor.history().filter(({ verdict }) => verdict === "drift").length;
    }
    // 12,000 samples with one false alarm in 2,000: 6 are expected at most; three deviations more.
    expect(alarms).toBeLessThanOrEqual(13);
    expect(alarms).toBeGreaterThanOrEqual(1);
  });

  it("comes to the same verdicts whatever the order in which labels come", () => {
    const spec: DriftSpec = { ...SMALL, signals: SMALL.signals!.slice(2) };
    const stream = driftStream(5, [{ count: 700 }, { count: 300, errors: 0.6 }]);
    const inOrder = monitorOf(spec);
    for (const { predicted } of stream) inOrder.predicted(predicted);
    for (const { labelled } of stream) inOrder.labelled(labelled);
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 900 }), (seed, distance) => {
        const random = new Random(seed);
        const shuffled = stream
          .map(({ labelled }, i) => ({ labelled, at: i + distance * random.float() }))
          .sort((left, right) => left.at - right.at);
        const monitor = monitorOf(spec);
        for (const { predicted } of stream) monitor.predicted(predicted);
        for (const { labelled } of shuffled) monitor.labelled(labelled);
        expect(monitor.history()).toEqual(inOrder.history());
        expect(monitor.status().signals).toEqual(inOrder.status().signals);
        expect(monitor.history().length).toBeGreaterThan(0);
      }),
      { numRuns: 6 },
    );
  });

  it("goes on from a checkpoint, sent as JSON, with the reports that would have followed", () => {
    const parts = [
      { count: 400 },
      { count: 200, errors: 0.6, sure: 0.5 },
      { count: 350, feature: 2 },
    ];
    const votes = fc.constantFrom("calibrated", "majority", "weighted");
    fc.assert(
      fc.property(
        fc.nat(99),
        fc.integer({ min: 0, max: 950 }),
        fc.nat(300),
        votes,
        (seed, cut, lag, vote) => {
          const spec: DriftSpec = { ...SMALL, vote, falseAlarmEvery: 1_000, withinSamples: 200 };
          const stream = driftStream(seed, parts);
          const step = (monitor: DriftMonitor, i: number): Report[] => {
            const late = stream[i - lag];
            // Some labels never come, some come twice, and training goes on.
            const labelled = late && i % 17 !== 0 ? monitor.labelled(late.labelled) : null;
            const again = late && i % 23 === 0 ? monitor.labelled(late.labelled) : null;
            const expired = i % 34 === 0 && late ? monitor.expired(i - lag) : null;
            return [
              monitor.predicted(stream[i]!.predicted),
              labelled,
              again,
              expired,
              i % 8 === 0 ? monitor.stepped(i % 5) : null,
            ];
          };
          const whole = monitorOf(spec);
          for (let i = 0; i < cut; i++) step(whole, i);
          const resumed = monitorOf(spec, sent(whole.checkpoint()));
          expect(resumed.status()).toEqual(whole.status());
          for (let i = cut; i < stream.length; i++)
            expect(step(resumed, i)).toEqual(step(whole, i));
          expect(resumed.history()).toEqual(whole.history());
          expect(sent(resumed.checkpoint())).toEqual(sent(whole.checkpoint()));
        },
      ),
      { numRuns: 8 },
    );
  });

  it("is not changed by being looked at", () => {
    const stream = driftStream(6, [{ count: 600 }, { count: 100, errors: 0.7 }]);
    const [watched, alone] = [monitorOf(), monitorOf()];
    const reports = stream.flatMap((sample) => {
      if (sample.predicted.sequence % 20 === 0) {
        watched.status();
        watched.checkpoint();
      }
      return play(watched, [sample]);
    });
    expect(reports).toEqual(stream.flatMap((sample) => play(alone, [sample])));
  });
});
