import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { exportModel, lenet5, mlp, replaceHead } from "@everfresh/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, ModelSourceMismatchError, UsageError } from "../errors.ts";
import { EXPERIMENTS } from "./experiment.ts";
import { modelName, openModel } from "./paper-model.ts";

const { mnist, cifar } = EXPERIMENTS;

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), "everfresh-paper-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, bytes: Uint8Array): string {
  const file = path.join(directory, name);
  writeFileSync(file, bytes);
  return file;
}

describe("the models of an experiment", () => {
  it("are known by names as people write them", () => {
    expect(modelName(mnist, "LeNet-5")).toBe("lenet5");
    expect(modelName(mnist, "lenet")).toBe("lenet5");
    expect(modelName(cifar, "mobilenet_v2")).toBe("mobilenetV2");
    expect(modelName(cifar, "ResNet-18")).toBe("resnet18");
    expect(() => modelName(mnist, "resnet20")).toThrow(UsageError);
    expect(() => modelName(cifar, "vgg16")).toThrow(/"vgg16".*resnet20/);
  });

  it("take the images of the experiment and have the paper's sizes", () => {
    const open = (name: string): ReturnType<typeof openModel> =>
      openModel(cifar, { name, file: null }, 1);
    const digits = openModel(mnist, { name: "lenet5", file: null }, 1);
    expect(digits.input.shape).toEqual([1, 28, 28]);
    expect(digits.state.layout.parameterCount).toBe(61_706);
    // Two more planes for each of the six filters of 5 × 5: 300 weights.
    expect(open("lenet5").input.shape).toEqual([3, 32, 32]);
    expect(open("lenet5").state.layout.parameterCount).toBe(61_706 + 300);
    expect(open("resnet20").state.layout.parameterCount).toBe(272_474);
  });

  it("may come from a file, whose last layer is replaced where it is for other classes", () => {
    const own = lenet5({ seed: 9 });
    const choice = (file: string) => ({ name: "lenet5", file });
    const same = openModel(mnist, choice(write("same.onnx", exportModel(own))), 1);
    expect(same.state.parameters).toEqual(own.state.parameters);
    const many = replaceHead(own, { outputs: 1_000, seed: 2 });
    const other = openModel(mnist, choice(write("many.onnx", exportModel(many))), 1);
    expect(other.output.shape).toEqual([10]);
    expect(other.state.parameters.subarray(0, 150)).toEqual(own.state.parameters.subarray(0, 150));
  });

  it("refuses a file that is not there, and one for other images", () => {
    const choice = (file: string) => ({ name: "lenet5", file });
    const missing = path.join(directory, "missing.onnx");
    expect(() => openModel(mnist, choice(missing), 1)).toThrow(ConfigError);
    const flat = write("flat.onnx", exportModel(mlp({ inputs: 4, hidden: [], outputs: 10 })));
    expect(() => openModel(mnist, choice(flat), 1)).toThrow(ModelSourceMismatchError);
    expect(() => openModel(mnist, choice(flat), 1)).toThrow(/images of 4.*1 × 28 × 28/);
  });
});
