import { describe, expect, it } from "vitest";
import { type DriftConfig, resolveDrift, withResponse } from "./drift.ts";
import { fullRetraining, online, proactive } from "./strategies.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const resolved = (config: DriftConfig, strategy = proactive()) => resolveDrift(config, strategy);

describe("drift in a configuration", () => {
  it("is not watched unless it is asked for", () => {
    expect(resolveDrift(undefined, proactive())).toBeNull();
    expect(resolved({})).toEqual({ spec: {}, response: {}, webhook: null });
  });

  it("falls into what is watched, what is done, and who is told", () => {
    const webhook = { url: "https://example.org/hook", secret: SECRET };
    const config = { falseAlarmEvery: 50_000, onDrift: { kind: "rewarm" }, webhook } as const;
    expect(resolved(config)).toEqual({
      ...{ spec: { falseAlarmEvery: 50_000 }, response: { onDrift: { kind: "rewarm" } } },
      webhook,
    });
  });

  it("makes a proactive strategy act, and leaves the others as they are", () => {
    const drift = resolved({ onDrift: { kind: "rewarm" } });
    expect(withResponse(proactive(), drift)).toEqual({
      ...proactive(),
      response: { onDrift: { kind: "rewarm" } },
    });
    expect(withResponse(online(), resolved({}))).toEqual(online());
    expect(withResponse(proactive(), null)).toEqual(proactive());
  });

  it.each<[string, DriftConfig, RegExp]>([
    ["a budget below its least", { falseAlarmEvery: 10 }, /falseAlarmEvery .*got 10/],
    ["an unknown vote", { vote: "loud" as "majority" }, /vote .*got loud/],
    ["a webhook without a protocol", { webhook: { url: "x", secret: SECRET } }, /url .*got x/],
    [
      "a file as webhook",
      { webhook: { url: "file:///tmp/x", secret: SECRET } },
      /an http or https URL/,
    ],
    ["an ensemble of one", { members: 1 }, /members .*got 1/],
    ["a secret that is none", { webhook: { url: "http://a.b/", secret: "abc" } }, /secret must be/],
  ])("is refused with %s, by name", (_what, config, message) => {
    const refused = expect(() => resolved(config));
    refused.toThrow(expect.objectContaining({ code: "EF_LEARN_OPTION" }));
    refused.toThrow(message);
  });

  it("does not promise actions that a strategy cannot perform", () => {
    const strategy = fullRetraining({ every: { samples: 100 } });
    expect(() => resolveDrift({ onDrift: { kind: "window" } }, strategy)).toThrow(
      /drift\.onDrift\.kind must be "nothing" or "warn" where the strategy is fullRetraining/,
    );
    expect(resolveDrift({ onDrift: { kind: "warn" } }, strategy)).not.toBeNull();
  });
});
