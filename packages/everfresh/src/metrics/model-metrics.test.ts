import { describe, expect, it } from "vitest";
import { exampleDriftView } from "../drift/drift.fixture.ts";
import { STATUS } from "./status.fixture.ts";
import { type MeasuredModel, modelMetrics } from "./model-metrics.ts";

const WEBHOOK = { waiting: 1, delivered: 7, dropped: 2, failedAttempts: 5 };
const watched: MeasuredModel = {
  name: 'di"gits',
  status: () => STATUS,
  drift: { view: () => exampleDriftView(), webhook: () => WEBHOOK },
};

/** Lines of the text format (version 0.0.4), checked against its grammar. */
function samplesIn(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  const described = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line);
    if (comment?.[1] === "TYPE") {
      expect(["gauge", "counter"]).toContain(comment[3]);
      // Counters, and nothing else, end in _total.
      expect(comment[2]?.endsWith("_total")).toBe(comment[3] === "counter");
      described.add(comment[2] ?? "");
    }
    if (comment !== null) continue;
    const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\}) (\S+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    expect(described).toContain(sample?.[1]);
    const name = `${sample?.[1] ?? ""}${sample?.[2] ?? ""}`;
    expect(samples.has(name), name).toBe(false);
    samples.set(name, Number(sample?.[3]));
  }
  return samples;
}

const MODEL = 'model="di\\"gits"';

describe("the metrics of a model", () => {
  it("are Prometheus text of version 0.0.4, every value once, with its model", async () => {
    const { contentType, text } = await modelMetrics(watched);
    expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    const samples = samplesIn(text);
    expect([...samples.keys()].every((name) => name.includes(MODEL))).toBe(true);
    expect([...samples.values()].every((value) => !Number.isNaN(value))).toBe(true);
    expect(samples.get(`everfresh_version{${MODEL}}`)).toBe(3);
    expect(samples.get(`everfresh_steps_total{${MODEL}}`)).toBe(3);
    const p99 = `everfresh_step_seconds{${MODEL},quantile="0.99"}`;
    expect(samples.get(p99)).toBe(0.001);
  });

  it("have the verdict as one of three, and every signal with its bounds", async () => {
    const samples = samplesIn((await modelMetrics(watched)).text);
    const verdict = (name: string) =>
      samples.get(`everfresh_drift_verdict{${MODEL},verdict="${name}"}`);
    expect(["stable", "warning", "drift"].map(verdict)).toEqual([0, 1, 0]);
    const margin = `{${MODEL},signal="margin",family="uncertainty"}`;
    expect(samples.get(`everfresh_drift_signal_value${margin}`)).toBe(3.9);
    expect(samples.get(`everfresh_drift_signal_drift_at${margin}`)).toBe(4.3);
    expect(samples.get(`everfresh_drift_signal_alarms_total${margin}`)).toBe(1);
    // What is not known is left out.
    const errors = `{${MODEL},signal="errors",family="error"}`;
    expect(samples.has(`everfresh_drift_signal_value${errors}`)).toBe(false);
    expect(samples.get(`everfresh_drift_odd_total{${MODEL},what="expired"}`)).toBe(3);
    expect(samples.get(`everfresh_webhook_dropped_total{${MODEL}}`)).toBe(2);
  });

  it("have nothing of drift where that is not watched", async () => {
    const { text } = await modelMetrics({ ...watched, drift: null });
    expect(text).not.toContain("everfresh_drift");
    expect(text).not.toContain("everfresh_webhook");
  });
});
