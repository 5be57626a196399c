import { numeric } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { linearModel, LinearSession } from "../linear-session.fixture.ts";
import { points } from "../points.fixture.ts";
import { heldOutScore } from "./held-out.ts";

const model = linearModel(6, 3);
const session = new LinearSession(model);
const preprocessing = numeric(6);
const source = points({ size: 700, inputs: 6, classes: 3 });

async function labels(count: number): Promise<readonly number[]> {
  const all: number[] = [];
  for await (const { label } of source.read()) if (all.push(label) === count) break;
  return all;
}

describe("heldOutScore", () => {
  // A model of zeros answers with class 0.
  it("counts what the model gets right over the whole source", async () => {
    const score = await heldOutScore({ session, state: model.state, source, preprocessing });
    const zeros = (await labels(700)).filter((label) => label === 0).length;
    expect(score).toEqual({ correct: zeros, total: 700, accuracy: zeros / 700 });
  });

  it.each([0, 1, 256, 300, 699])("tests no more than the first %i samples", async (limit) => {
    const options = { session, state: model.state, source, preprocessing, limit };
    const { correct, total } = await heldOutScore(options);
    const zeros = (await labels(700)).slice(0, limit).filter((label) => label === 0).length;
    expect({ correct, total }).toEqual({ correct: zeros, total: limit });
  });

  it("ends early when aborted, with the score so far", async () => {
    const signal = AbortSignal.abort();
    const options = { session, state: model.state, source, preprocessing, signal };
    expect(await heldOutScore(options)).toEqual({ correct: 0, total: 0, accuracy: 0 });
  });
});
