import { adam, classes, defineModel, digits, image, lenet5, proactive, sparse } from "everfresh";

export default defineModel({
  name: "digits",
  model: lenet5, // a builder, or the path of an ONNX file that PyTorch exported
  input: image({ width: 28, height: 28, channels: 1, mean: [0.1307], std: [0.3081] }),
  target: classes(10),
  source: digits({ seed: 1 }), // or mnist("data/mnist", "train"), cifar10([...]), idx({ ... })
  heldOut: digits({ seed: 1, split: "test", size: 10_000 }),
  strategy: proactive({ triggerSize: 8, batchSize: 128 }),
  optimizer: adam({ learningRate: 1e-3 }),
  deploy: sparse({ ratio: 1e-3, values: "f16" }),
});
