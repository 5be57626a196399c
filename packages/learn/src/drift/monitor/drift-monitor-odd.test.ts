import type { DriftActionRecord, DriftCounts } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { DriftMonitor } from "./drift-monitor.ts";
import type { DriftMonitorCheckpoint } from "./drift-monitor-checkpoint.ts";
import type { DriftSpec } from "./drift-spec.ts";
import { driftStream, SMALL } from "./drift-stream.fixture.ts";
import type { LabelledObservation, PredictedObservation } from "./observations.ts";

function monitorOf(spec: DriftSpec = SMALL, checkpoint?: DriftMonitorCheckpoint): DriftMonitor {
  return new DriftMonitor({ spec, features: 4, classes: 3, seed: 1, checkpoint });
}

const NONE: DriftCounts = {
  ...{ ignored: 0, unknownIds: 0, duplicateLabels: 0, expired: 0, tooLate: 0, reordered: 0 },
  ...{ passedOver: 0, clockBackwards: 0, outOfSequence: 0, unseenClasses: 0, missingFeatures: 0 },
};

function predicted(
  sequence: number,
  change: Partial<PredictedObservation> = {},
): PredictedObservation {
  const features = Float32Array.of(1, 2, 3, 4);
  const probabilities = [0.2, 0.7, 0.1];
  return { sequence, eventTimeMs: sequence, version: 1, features, probabilities, ...change };
}

function labelled(
  sequence: number,
  change: Partial<LabelledObservation> = {},
): LabelledObservation {
  const probabilities = [0.2, 0.7, 0.1];
  return { sequence, label: 1, probabilities, deployedProbabilities: probabilities, ...change };
}

/** What is counted when these happen, beside nothing. */
function counted(play: (monitor: DriftMonitor) => void, spec?: DriftSpec): Partial<DriftCounts> {
  const monitor = monitorOf(spec);
  play(monitor);
  const { counts } = monitor.status();
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

describe("what is odd is counted, and stops nothing", () => {
  it("nothing is where nothing is odd", () => {
    const monitor = monitorOf();
    for (let i = 0; i < 50; i++) {
      monitor.predicted(predicted(i));
      monitor.labelled(labelled(i));
    }
    expect(monitor.status().counts).toEqual(NONE);
    expect(monitor.status()).toMatchObject({ samples: 50, labelled: 50 });
  });

  it("features that are NaN, missing, infinite, or all of them", () => {
    const features = [Float32Array.of(NaN, 1, Infinity, 2), new Float32Array(4).fill(NaN), [1, 2]];
    const count = counted((monitor) => {
      features.forEach((row, i) => monitor.predicted(predicted(i, { features: row })));
    });
    // A row with something in it is looked at; one without, or of another length, is not.
    expect(count).toEqual({ missingFeatures: 6, ignored: 2 });
  });

  it("probabilities that are none; without any nothing is looked at", () => {
    const count = counted((monitor) => {
      monitor.predicted(predicted(0, { probabilities: [NaN, 0.5, 0.5] }));
      monitor.predicted(predicted(1, { probabilities: [] }));
      monitor.labelled(labelled(0, { probabilities: [NaN, 1, 0] }));
      monitor.labelled(labelled(1, { probabilities: [] }));
    });
    expect(count).toEqual({ ignored: 1 });
  });

  it("a sequence that does not ascend, or is none", () => {
    const count = counted((monitor) => {
      for (const sequence of [3, 3, 2, NaN, -1, 3.5, 4]) monitor.predicted(predicted(sequence));
    });
    expect(count).toEqual({ outOfSequence: 5 });
  });

  it("a clock that goes backwards", () => {
    const count = counted((monitor) => {
      [5, 4, 6, 5].forEach((eventTimeMs, i) => monitor.predicted(predicted(i, { eventTimeMs })));
    });
    expect(count).toEqual({ clockBackwards: 2 });
  });

  it("labels of unknown samples, second ones, and those after the expiry", () => {
    const count = counted((monitor) => {
      for (let i = 0; i < 4; i++) monitor.predicted(predicted(2 * i));
      for (const unknown of [-1, 1, 7, 99, NaN]) monitor.labelled(labelled(unknown));
      monitor.expired(3);
      monitor.expired(2);
      monitor.expired(2);
      monitor.labelled(labelled(2));
      monitor.labelled(labelled(0));
      monitor.labelled(labelled(0, { label: 2 }));
    });
    expect(count).toEqual({ unknownIds: 6, expired: 1, tooLate: 1, duplicateLabels: 1 });
  });

  it("labels that wait for an earlier one, and samples that hold up too many", () => {
    const count = counted(
      (monitor) => {
        for (let i = 0; i < 6; i++) monitor.predicted(predicted(i));
        for (const sequence of [2, 1, 3, 0]) monitor.labelled(labelled(sequence));
        expect(monitor.status().labelled).toBe(3);
      },
      { ...SMALL, heldLabels: 2 },
    );
    expect(count).toEqual({ reordered: 3, passedOver: 1, tooLate: 1 });
  });

  it("a class that the model does not have: an error", () => {
    const monitor = monitorOf();
    [1, 3, -1, 1.5, NaN].forEach((label, i) => {
      monitor.predicted(predicted(i));
      monitor.labelled(labelled(i, { label }));
    });
    const { counts, signals } = monitor.status();
    expect(counts).toEqual({ ...NONE, unseenClasses: 4 });
    expect(signals.find(({ name }) => name === "errors")).toMatchObject({ taken: 5, ignored: 0 });
  });

  it("a gradient that is no number", () => {
    const spec: DriftSpec = {
      signals: [{ name: "gradient", input: "gradient", detector: { kind: "changeScan" } }],
    };
    const count = counted((monitor) => {
      monitor.predicted(predicted(0));
      for (const gradient of [1, NaN, Infinity]) monitor.stepped(gradient);
    }, spec);
    expect(count).toEqual({ ignored: 2 });
  });

  it("constant features are calm, and alarm when they move", () => {
    const monitor = monitorOf();
    const rows = Array.from({ length: 900 }, (_, i) =>
      Float32Array.of(5, i < 700 ? 1 : 2, (i % 7) / 7, 0),
    );
    const reports = rows.map((features, i) => monitor.predicted(predicted(i, { features })));
    const at = reports.findIndex((report) => report?.verdict === "drift");
    expect(at).toBeGreaterThanOrEqual(700);
    expect(monitor.history().at(-1)!.explanation).toContain("feature 1");
  });
});

describe("a drift monitor that is told of more", () => {
  const stream = driftStream(2, [{ count: 1_500 }, { count: 400, errors: 0.6 }]);

  function seen(spec: DriftSpec = SMALL): DriftMonitor {
    const monitor = monitorOf(spec);
    for (const sample of stream) {
      monitor.predicted(sample.predicted);
      monitor.labelled(sample.labelled);
    }
    return monitor;
  }

  it("records what was done in the newest record", () => {
    const monitor = seen();
    const action: DriftActionRecord = {
      ...({ kind: "window", range: { from: 3, to: 9 }, filter: null, why: "it is new" } as const),
      versions: { from: 7, to: null },
    };
    monitor.acted(action);
    expect(monitor.history().at(-1)!.action).toEqual(action);
    expect(
      monitor
        .history()
        .slice(0, -1)
        .every((record) => record.action === null),
    ).toBe(true);
    const none = monitorOf();
    none.acted(action);
    expect(none.history()).toEqual([]);
  });

  it("keeps as many records as it is to, and counts all", () => {
    const monitor = seen({ ...SMALL, historyRecords: 1 });
    expect(monitor.history()).toHaveLength(1);
    expect(monitor.status().records).toBeGreaterThan(1);
    expect(monitor.history()[0]!.id).toBe(monitor.status().records);
  });

  it("starts what goes by the pinned model anew when that is another one", () => {
    const monitor = monitorOf();
    for (const sample of stream.slice(0, 600)) {
      monitor.predicted(sample.predicted);
      if (sample.predicted.sequence < 500) monitor.labelled(sample.labelled);
    }
    monitor.pin();
    const taken = (): readonly number[] => monitor.status().signals.map((signal) => signal.taken);
    // Features do not go by any model.
    expect(taken()).toEqual([600, 0, 0]);
    for (const sample of stream.slice(500, 600)) monitor.labelled(sample.labelled);
    expect(taken()).toEqual([600, 0, 0]);
    for (const sample of stream.slice(600, 610)) {
      monitor.predicted(sample.predicted);
      monitor.labelled(sample.labelled);
    }
    expect(taken()).toEqual([610, 10, 10]);
  });

  it("refuses a checkpoint of another specification, or a damaged one", () => {
    const refused = expect.objectContaining({ code: "EF_DRIFT_CHECKPOINT" }) as Error;
    const checkpoint = seen().checkpoint();
    const other: DriftSpec = { ...SMALL, falseAlarmEvery: 30_000 };
    expect(() => monitorOf(other, checkpoint)).toThrow(refused);
    const { signals } = checkpoint;
    for (const all of [
      signals.all.slice(1),
      signals.all.map((one) => ({ ...one, numbers: [1] })),
    ]) {
      const damaged = { ...checkpoint, signals: { ...signals, all } };
      expect(() => monitorOf(SMALL, damaged)).toThrow(refused);
    }
  });
});
