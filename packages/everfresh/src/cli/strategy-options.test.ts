import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { digitsModel } from "../config/digits-model.ts";
import { fullRetraining } from "../config/strategies.ts";
import { addStrategyOptions, type StrategyOptions, withStrategy } from "./strategy-options.ts";

/** What a command line makes of the demo's configuration. */
function definitionOf(line: string, configured = digitsModel({ seed: 1 })) {
  const command = addStrategyOptions(
    new Command().exitOverride().configureOutput({ writeErr: () => undefined }),
  );
  command.parse(line.split(" ").filter(Boolean), { from: "user" });
  return withStrategy({ definition: configured, directory: "/" }, command.opts<StrategyOptions>())
    .definition;
}

describe("options about the strategy", () => {
  it("leave the configured one as it is where they say nothing", () => {
    const configured = digitsModel({ seed: 1 });
    expect(definitionOf("", configured)).toMatchObject({ strategy: configured.strategy });
    expect(definitionOf("", configured).labels).toBeUndefined();
  });

  it("change its numbers, its sampler and what happens to samples that come too fast", () => {
    const line = "--trigger-size 16 --sampler window:5000 --overload grow --label-lag 100";
    expect(definitionOf(line)).toMatchObject({
      strategy: {
        ...{ kind: "proactive", triggerSize: 16, batchSize: 128, overload: "grow" },
        sampler: { kind: "window", samples: 5_000 },
      },
      labels: { kind: "late", lagSamples: 100 },
    });
  });

  it("put another one in its place, with defaults", () => {
    expect(definitionOf("--strategy online --batch-size 32").strategy).toEqual({
      kind: "online",
      batchSize: 32,
    });
    expect(definitionOf("--strategy retraining --retrain-every 900 --epochs 2").strategy).toEqual({
      ...{ kind: "fullRetraining", start: "cold", epochs: 2, batchSize: 128 },
      trigger: { kind: "byCount", samples: 900 },
    });
    expect(definitionOf("--strategy frozen").strategy).toEqual({ kind: "frozen" });
  });

  it("keep what is configured about a retraining", () => {
    const strategy = fullRetraining({ every: { ms: 60_000 }, start: "warm", window: 500 });
    const configured = { ...digitsModel({ seed: 1 }), strategy };
    expect(definitionOf("--epochs 3", configured).strategy).toEqual({ ...strategy, epochs: 3 });
  });

  it.each([
    ["--strategy online --trigger-size 4", /--trigger-size says nothing about the strategy online/],
    ["--epochs 4", /--epochs says nothing about the strategy proactive/],
    ["--strategy retraining --overload skip", /not retrainings/],
    ["--trigger-size 200", /triggerSize .* 0 to the batch size 128, got 200/],
    ["--sampler best", /one of uniform, window/],
    ["--sampler window", /whole number/],
    ["--strategy lazy", /Allowed choices/],
  ])("are refused where they do not fit: %s", (line, message) => {
    expect(() => definitionOf(line)).toThrow(message);
  });
});
