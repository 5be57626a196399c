import { describe, expect, it } from "vitest";
import { mlp } from "../models/mlp.ts";
import { resnet } from "../models/resnet.ts";
import { sgd } from "../optimizers/sgd.ts";
import { openTrainingSession } from "../sessions/open-training-session.ts";
import { measurePlan } from "./measure-plan.ts";

const optimizer = sgd({ learningRate: 1e-3 });
const small = (): ReturnType<typeof resnet> =>
  resnet({ block: "basic", blocks: [1], width: 16, inputSize: 8 });

describe("measurePlan", () => {
  it("gives plans, the fastest first, that a session takes", async () => {
    const model = mlp({ inputs: 4, hidden: [8], outputs: 3 });
    const measured = await measurePlan(model, { batchSize: 16, optimizer, budgetMs: 50 });
    const times = measured.map(({ stepMs }) => stepMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((time) => time > 0 && Number.isFinite(time))).toBe(true);
    const plan = JSON.parse(JSON.stringify(measured[0].plan)) as (typeof measured)[0]["plan"];
    await using session = await openTrainingSession(model, { batchSize: 16, optimizer, plan });
    expect(session.plan).toEqual(measured[0].plan);
  });

  it("keeps to the batch normalisation that is asked for", async () => {
    const options = { batchSize: 32, optimizer, budgetMs: 1, batchNorm: "exact" } as const;
    const measured = await measurePlan(small(), options);
    expect(measured.map(({ plan }) => plan.batchNorm)).toEqual(["exact"]);
    expect(measured[0].plan.workers).toBe(1);
  });
});
