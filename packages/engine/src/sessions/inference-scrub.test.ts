import { deployCopy, FingerprintMismatchError } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { inferenceGraph } from "../models/inference-graph.ts";
import { mlp } from "../models/mlp.ts";
import type { InferenceRequest } from "./inference-protocol.ts";
import type { InferenceMode, InferenceSession } from "./inference-session.ts";
import type { RotRequest } from "./rotting.worker.fixture.ts";
import { startInference } from "./start-inference.ts";
import { snapshotOf, updates } from "./updates.fixture.ts";
import { WorkerThread } from "./worker-thread.ts";

// More words than a slice has, so that a check takes several.
const model = mlp({ inputs: 1_100, hidden: [1_000, 30], outputs: 3, seed: 3 });
const ROTTING = new URL("./rotting.worker.fixture.ts", import.meta.url);

/** A session of real worker threads, each of which can be told to let a byte of its memory rot. */
interface RottingSession extends InferenceSession {
  rot(worker: number, byte: number): Promise<void>;
}

async function open(mode: InferenceMode): Promise<RottingSession> {
  const channels: string[] = [];
  const session = await startInference(
    (setup, onCrash) => {
      const rotChannel = `rot-${process.pid}-${mode}-${performance.now()}`;
      channels.push(rotChannel);
      return new WorkerThread<InferenceRequest, unknown>(
        ROTTING,
        { ...setup, rotChannel },
        onCrash,
      );
    },
    {
      onnx: inferenceGraph(model),
      initial: snapshotOf(deployCopy(model.state, 0)),
      runtime: { backend: "native", provider: "cpu" },
    },
    // Bakes come from replacing and checking alone.
    { mode, bakeEveryMs: 1e9 },
  );
  const rot = async (worker: number, byte: number): Promise<void> => {
    const channel = new BroadcastChannel(channels[worker] ?? "");
    const done = new Promise((resolve) => channel.addEventListener("message", resolve));
    channel.postMessage({ byte } satisfies RotRequest);
    await done;
    channel.close();
  };
  return Object.assign(session, { rot });
}

describe("a check of the served state", () => {
  it("passes while updates come in, and answers them and predictions between its slices", async () => {
    await using session = await open("patch");
    const stream = updates(deployCopy(model.state, 0), 2);
    const inputs = new Float32Array(1_100);
    const done: string[] = [];
    const note = (name: string) => () => void done.push(name);
    await Promise.all([
      session.scrub().then(note("check")),
      session.predict(inputs, 1).then(note("prediction")),
      session.apply(stream[0]!).then(note("update")),
      session.apply(stream[1]!),
    ]);
    expect(done).toEqual(["prediction", "update", "check"]);
    await session.scrub();
    expect((await session.predict(inputs, 1)).version).toBe(2);
  });

  it.each([
    ["patch", 0],
    ["bake", 0],
    ["bake", 1],
  ] as const)("finds a flipped bit in mode %s, worker %i", async (mode, worker) => {
    await using session = await open(mode);
    await session.scrub();
    await session.rot(worker, 4 * 1_050_000 + 2);
    await expect(session.scrub()).rejects.toBeInstanceOf(FingerprintMismatchError);
    // Again and again, until somebody brings a sound state.
    await expect(session.scrub()).rejects.toBeInstanceOf(FingerprintMismatchError);
    await session.replace(snapshotOf(deployCopy(model.state, 0)));
    await session.scrub();
  });

  it("rejects when the session ends", async () => {
    const session = await open("patch");
    const checking = session.scrub();
    const settled = Promise.allSettled([checking]);
    await session[Symbol.asyncDispose]();
    expect((await settled)[0]).toHaveProperty("reason.code", "EF_SESSION_CLOSED");
    await expect(session.scrub()).rejects.toHaveProperty("code", "EF_SESSION_CLOSED");
  });
});
