/** Updates of a real training run, to be sent again in a bench. */
import { deployCopy, image, systemClock, classes } from "@everfresh/core";
import { adam, inferenceGraph, lenet5, openTrainingSession } from "@everfresh/engine";
import {
  LiveEvaluation,
  MemoryCheckpointStore,
  memoryJournal,
  proactive,
  type Publisher,
  topK,
  trainContinuously,
} from "@everfresh/learn";
import { digits, memoryHistory } from "@everfresh/streams";
import { encodeUpdate, type Manifest } from "@everfresh/sync";

/** Seed of the model that the updates start from, of its data and of the sampler. */
const SEED = 1;

const PREPROCESSING = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });

/**
 * The first updates of LeNet-5 that learns handwritten digits as the demo does, encoded: 8 new samples
 * in a batch of 128, Adam, float16 values.
 */
export async function recordUpdates(count: number, ratio: number): Promise<readonly Uint8Array[]> {
  const model = lenet5({ seed: SEED });
  const { layout } = model.state;
  const recorded: Uint8Array[] = [];
  const deployed = deployCopy(model.state, 0);
  const publisher: Publisher = {
    publish: (update) => {
      const bytes = encodeUpdate(update, {
        layout,
        base: new Uint32Array(deployed.state.buffer, 0, layout.parameterCount),
      }).slice();
      recorded.push(bytes);
      return Promise.resolve({ update, bytes: bytes.length, replayed: false });
    },
  };
  await using session = await openTrainingSession(model, {
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize: 128,
  });
  const steps = trainContinuously({
    model,
    session,
    source: digits({ seed: SEED }),
    history: memoryHistory(),
    checkpoints: new MemoryCheckpointStore(),
    publisher,
    preprocessing: PREPROCESSING,
    strategy: proactive({ triggerSize: 8, batchSize: 128 }),
    seed: SEED,
    evaluation: new LiveEvaluation({ classes: 10, frozen: null }),
    journal: memoryJournal(),
    sparsifier: topK({ ratio, valueType: "float16" }),
    deployed,
    clock: systemClock,
  });
  for await (const { version } of steps) if (version >= count) break;
  return recorded;
}

/** The model that {@link recordUpdates} starts from, at version 0, as a feed takes it. */
export function recordedModel(logId: string): {
  readonly manifest: Manifest;
  readonly deployed: ReturnType<typeof deployCopy>;
} {
  const model = lenet5({ seed: SEED });
  return {
    manifest: {
      name: "digits",
      logId,
      graph: inferenceGraph(model),
      layout: model.state.layout,
      input: model.input,
      output: model.output,
      preprocessing: PREPROCESSING,
      target: classes(10),
    },
    deployed: deployCopy(model.state, 0),
  };
}
