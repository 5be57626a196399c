/** A replica of the bench `latency`: `connect()` in patch mode, with stamps of each update's way. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, connect, engineRuntime } from "@everfresh/client";
import {
  type Connection,
  type Runtime,
  type RuntimeSession,
  type Transport,
  webSocketTransport,
} from "@everfresh/sync";
import { benchParent } from "../bench-process.ts";
import { machineMs } from "../machine-clock.ts";
import type { FromReplica, ToReplica } from "./messages.ts";
import type { FirstAnswer, ReplicaStamps } from "./update-timeline.ts";

const parent = benchParent<FromReplica, ToReplica>();
const stamps: ReplicaStamps[] = [];
const answers: FirstAnswer[] = [];
let frameAtMs = 0;
let predictions = 0;
let lastVersion = Infinity;

const join = await parent.next();
if (join.kind !== "join") throw new Error(`"${join.kind}" came before "join"`);
{
  await using model = await connect(join.feedUrl, {
    transport: stampedTransport(webSocketTransport(join.feedUrl)),
    runtime: stampedRuntime(engineRuntime({ mode: "patch" })),
  });
  const image = new Uint8Array(28 * 28).fill(128);
  // Compilers settle before the first update comes.
  for (let i = 0; i < 500; i++) await model.predict({ image });
  parent.send({ kind: "serving" });
  const startedMs = machineMs();
  const startedCpu = process.cpuUsage();
  const end = parent.next().then((message) => {
    lastVersion = message.kind === "end" ? message.version : 0;
  });
  if (join.asksPerSecond === 0) await askConstantly(model, image);
  else {
    void end.then(() => model[Symbol.asyncDispose]());
    await askRarely(model, image, 1_000 / join.asksPerSecond);
  }
  const { user, system } = process.cpuUsage(startedCpu);
  const cores = (user + system) / 1e3 / (machineMs() - startedMs);
  parent.send({ kind: "done", stamps, answers, predictions, cores });
}
// Until the other side has it all, and lets this process go.
await parent.next();

/** One prediction after another, until the last version has answered. */
async function askConstantly(model: Client, image: Uint8Array): Promise<void> {
  for (let seen = -1; seen < lastVersion; predictions++) {
    const { version } = await model.predict({ image });
    if (version > seen) answers.push({ version, answeredMs: machineMs() });
    seen = version;
  }
}

/** After each pause one prediction, as soon as the next version serves; until the model is disposed. */
async function askRarely(model: Client, image: Uint8Array, pauseMs: number): Promise<void> {
  const asked = new Set<number>();
  let before = -1;
  for await (const { phase, version } of model.states()) {
    if (phase !== "live" || version <= before) continue;
    const prediction = await model.predict({ image });
    asked.add(prediction.version);
    answers.push({ version: prediction.version, answeredMs: machineMs() });
    predictions++;
    await sleep(pauseMs);
    before = model.status().version;
  }
  // The others were not asked for: that they waited says nothing.
  stamps.splice(0, stamps.length, ...stamps.filter(({ version }) => asked.has(version)));
}

/** Notes when the replica takes a frame. */
function stampedTransport(transport: Transport): Transport {
  return {
    address: transport.address,
    async open(signal): Promise<Connection> {
      const connection = await transport.open(signal);
      return {
        send: (frame) => connection.send(frame),
        close: () => connection.close(),
        async *[Symbol.asyncIterator]() {
          for await (const frame of connection) {
            frameAtMs = machineMs();
            yield frame;
          }
        },
      };
    },
  };
}

/** Notes when an update is in place. */
function stampedRuntime(runtime: Runtime): Runtime {
  return {
    async load(manifest, snapshot): Promise<RuntimeSession> {
      const session = await runtime.load(manifest, snapshot);
      return {
        predict: (inputs, size) => session.predict(inputs, size),
        replace: (later) => session.replace(later),
        async apply(update) {
          const receivedMs = frameAtMs;
          const name = await session.apply(update);
          stamps.push({ version: name.version, receivedMs, appliedMs: machineMs() });
          return name;
        },
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
  };
}
