import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { LivePage } from "./app.tsx";
import { exampleDrift } from "./drift/drift.fixture.ts";
import { exampleReplica, exampleScores, exampleStatus } from "./status.fixture.ts";
import { initialConnection, type Connection, type Link } from "./live/connection.ts";
import { bannerText } from "./page/banner.tsx";
import { gapText } from "./page/stat-tiles.tsx";
import type { ModelStatus } from "./status.ts";

const NOW_MS = 1_184_000;

function connected(parts: Partial<ModelStatus> = {}, link: Link = { kind: "live" }): Connection {
  const status = exampleStatus(parts);
  return { link, models: [status.name], received: { status, atMs: NOW_MS }, drift: null };
}

/** The text of the page, without tags and with ordinary spaces. */
function pageText(connection: Connection): string {
  const page = createElement(LivePage, {
    connection,
    base: new URL("http://127.0.0.1:7070/"),
    now: () => NOW_MS,
    onModel: () => undefined,
  });
  return renderToString(page)
    .replaceAll(/<!--.*?-->/g, "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");
}

describe("the page", () => {
  it("shows model, phase, version, figures and charts", () => {
    const text = pageText(connected({ heldOutAccuracy: 0.9312 }));
    for (const part of ["digits", "Training", "240", "5d1560dc", "94.7%", "93.1%", "1,920"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("2.1 kB 117× smaller than the model");
    expect(text).toContain("0.6 points below the trained model");
    expect(text).toContain("Bytes per update");
  });

  it("shows every replica and how it stands", () => {
    const late = exampleReplica({ id: "tablet", version: 233, lagVersions: 7 });
    const text = pageText(connected({ replicas: [exampleReplica(), late] }));
    expect(text).toContain("replica-1 In step 240 0 5d1560dc 3 min ago");
    expect(text).toContain("tablet Behind by 7 versions 233 7");
  });

  it("shows drift where it is watched: the verdict, every signal, and the records", () => {
    const text = pageText({ ...connected(), drift: exampleDrift() });
    expect(text).toContain("Drift Warning Margin went from 0.077 to 0.14.");
    expect(text).toContain("Changed within the last 1,000 samples 25%");
    expect(text).toContain(
      "margin uncertainty, looks at 1 in 2, so a change takes 2 times as long to be seen " +
        "Warning 2.1K samples 3.9 3.3 4.3 class 6 0.22",
    );
    expect(text).toContain(
      "errors error, looks at 1 in 2, so a change takes 2 times as long to be seen no data yet",
    );
    expect(text).toContain("Sample 4,032, version 479 Confirmed by labels");
    expect(pageText(connected())).not.toContain("Drift");
  });

  it("shows the states beside the baselines, and what becomes of samples", () => {
    const text = pageText(connected({ scores: exampleScores() }));
    expect(text).toContain("Frozen as the run began 11.0% 10.0%");
    expect(text).toContain("Majority most frequent label 14.0% 15.0%");
    expect(text).toContain("Labels come with them");
    expect(text).toContain("Blocked 0 times");
    expect(pageText(connected())).toContain("No sample has its label yet");
  });

  it("shows labels where they come later, and a learning rate that rises", () => {
    const { strategy } = exampleStatus();
    const lag = { p50: 500, p99: 900, max: 1_000 };
    const none = { early: 0, earlyExpired: 0, duplicates: 0, conflicts: 0 };
    const counts = { pending: 12, joined: 9, expired: 3, tooLate: 1, ...none };
    const labels = { ...counts, lagMs: lag, lagSamples: lag };
    const text = pageText(connected({ strategy: { ...strategy, labels }, warmUpSteps: 300 }));
    expect(text).toContain("Labels come later");
    expect(text).toContain("Expired 3 given up without one");
    expect(text).toContain("Learning rate Rises over the first 300 steps");
    expect(pageText(connected())).not.toContain("Learning rate");
  });

  it("says how to start the first replica", () => {
    expect(pageText(connected())).toContain(
      "everfresh replica ws://127.0.0.1:7070/v1/models/digits",
    );
  });

  it("waits for the first update", () => {
    const text = pageText(connected({ series: [], steps: 0, samples: 0 }));
    expect(text).toContain("Waiting for the first update");
    expect(text).not.toContain("Bytes per update");
  });

  it("waits for the trainer before anything has arrived", () => {
    expect(pageText(initialConnection)).toContain("Waiting for the trainer");
  });
});

describe("the banner", () => {
  const lost: Link = { kind: "lost", reason: "unreachable" };

  it("is silent while the line is up", () => {
    expect(bannerText(connected())).toBeNull();
    expect(bannerText(initialConnection)).toBeNull();
  });

  it("says that the connection is lost and from when the figures are", () => {
    expect(bannerText(connected({}, lost))).toMatch(
      /^No connection to the trainer, trying again; figures are from \d\d:\d\d:\d\d$/,
    );
  });

  it("does not call it a loss when the trainer had finished", () => {
    expect(bannerText(connected({ phase: "finished" }, lost))).toMatch(
      /^The trainer has finished and left, figures are from/,
    );
  });

  it("asks to reload when the page does not understand", () => {
    const link: Link = { kind: "lost", reason: "unreadable" };
    expect(bannerText(connected({}, link))).toContain("reload it");
  });
});

describe("the gap between trained and deployed accuracy", () => {
  it("is in percentage points, and none when it does not show", () => {
    expect(gapText({ trainedAccuracy: 0.95, deployedAccuracy: 0.94 })).toBe(
      "1.0 points below the trained model",
    );
    expect(gapText({ trainedAccuracy: 0.9, deployedAccuracy: 0.912 })).toBe(
      "1.2 points above the trained model",
    );
    expect(gapText({ trainedAccuracy: 0.95, deployedAccuracy: 0.95004 })).toBe(
      "Equal to the trained model",
    );
  });
});
