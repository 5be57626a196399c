import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { cloneState, deployCopy, fingerprintOf } from "@everfresh/core";
import { importModel, lenet5, mlp, type Model } from "@everfresh/engine";
import { openUpdateLog } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checkpointFile } from "../../state/checkpoint-file.ts";
import { openStateDirectory } from "../../state/state-directory.ts";
import { runProgram } from "../program.ts";

const model = lenet5({ seed: 3 });
const { fingerprint } = deployCopy(model.state, 0);

describe("everfresh export", () => {
  let folder = "";
  let said = "";
  const at = (name: string): string => path.join(folder, name);

  /** Runs the command; what it says on stderr is in `said`. */
  async function exporting(...args: readonly string[]): Promise<number> {
    said = "";
    return runProgram(["node", "everfresh", "export", "--state", at("state"), ...args]);
  }

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "everfresh-export-"));
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      said += String(text);
      return true;
    });
    await writeRun(at("state"), "digits", model);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  it("writes the state that a run starts from", async () => {
    expect(await exporting("-o", at("model.onnx"))).toBe(0);
    expect(said).toContain(`deployed weights of version 0, fingerprint ${fingerprint}`);
    const written = importModel(readFileSync(at("model.onnx")));
    expect(written.state.parameters).toEqual(model.state.parameters);
  });

  it("writes what the trainer had learned at its last checkpoint", async () => {
    const trained = cloneState(model.state);
    trained.parameters[7] = 0.5;
    const { checkpointFile: file } = openStateDirectory(at("state"));
    await checkpointFile(file).save({
      step: 9,
      samples: 72,
      version: 9,
      fingerprint,
      deployed: new Uint8Array(model.state.buffer),
      training: { state: new Uint8Array(trained.buffer), optimizer: new Uint8Array(0) },
      tested: 72,
      strategy: {
        spec: null,
        checkpoint: {
          ...{ kind: "proactive", samples: 72, past: 72, iterations: 9, isRunning: false },
          ...{ random: { seed: 1, stream: 2, drawn: 3 }, sampler: null, trigger: null },
          ...{ budget: { nowMs: null, parts: [] }, intake: null },
        },
      },
      evaluation: null,
      costs: null,
    });
    expect(await exporting("--trained", "-o", at("model.onnx"))).toBe(0);
    expect(said).toContain(`version 9, fingerprint ${fingerprintOf(trained)}`);
    const written = importModel(readFileSync(at("model.onnx")));
    expect(written.state.parameters).toEqual(trained.parameters);
  });

  it("replaces a file only when told to, and leaves nothing beside it", async () => {
    writeFileSync(at("model.onnx"), "mine");
    expect(await exporting("-o", at("model.onnx"))).toBe(3);
    expect(said).toMatch(/EF_OUTPUT_FILE.*--force/);
    expect(readFileSync(at("model.onnx"), "utf8")).toBe("mine");
    expect(await exporting("-o", at("model.onnx"), "--force")).toBe(0);
    expect(readFileSync(at("model.onnx")).byteLength).toBeGreaterThan(200_000);
    expect(readdirSync(folder).sort()).toEqual(["model.onnx", "state"]);
  });

  it("lets --format decide where the name does not, and over the name", async () => {
    expect(await exporting("-o", at("model.bin"))).toBe(2);
    expect(said).toMatch(/EF_USAGE.*--format/);
    expect(await exporting("-o", at("model.bin"), "--format", "safetensors")).toBe(0);
    expect(readFileSync(at("model.bin")).toString("latin1", 8, 9)).toBe("{");
  });

  it.each([
    ["a version that is not there", ["--version", "4"], 5, "EF_VERSION_NOT_KEPT"],
    ["trained weights before the first checkpoint", ["--trained"], 5, "EF_STATE_DIRECTORY"],
    ["a version of the trained weights", ["--trained", "--version", "0"], 2, "EF_USAGE"],
    ["a version that is no number", ["--version", "new"], 2, "EF_USAGE"],
    ["a format that it does not have", ["--format", "pt"], 2, "EF_USAGE"],
    ["a configuration that is not there", ["--config", "none.ts"], 3, "EF_CONFIG"],
  ])("refuses %s", async (_what, args, status, code) => {
    expect(await exporting("-o", at("model.onnx"), ...args)).toBe(status);
    expect(said).toContain(`error ${code}: `);
    expect(readdirSync(folder)).toEqual(["state"]);
  });

  it("makes no state directory, and no folder for its file", async () => {
    expect(await exporting("--state", at("other"), "-o", at("model.onnx"))).toBe(5);
    expect(said).toContain("EF_STATE_DIRECTORY");
    expect(await exporting("-o", at("no/model.onnx"))).toBe(3);
    expect(said).toContain("EF_OUTPUT_FILE");
    expect(readdirSync(folder)).toEqual(["state"]);
  });

  it.each([
    ["name", "other", model],
    ["size", "digits", mlp({ inputs: 4, hidden: [], outputs: 2 })],
  ])("refuses a run of a model of another %s", async (_what, name, another) => {
    await writeRun(at("another"), name, another);
    expect(await exporting("--state", at("another"), "-o", at("model.onnx"))).toBe(5);
    expect(said).toContain("EF_STATE_MISMATCH");
  });
});

/** A state directory as a run leaves it that was stopped before its first step. */
async function writeRun(directory: string, name: string, { state }: Model): Promise<void> {
  const opened = openStateDirectory(directory);
  const parameters = state.layout.parameterCount;
  const facts = { model: name, source: "digits", seed: 3, parameters };
  opened.writeRecord({
    ...facts,
    mode: "weights",
    labelLag: null,
    warmUpSteps: 0,
    plan: null,
    processor: null,
    goal: null,
  });
  await using log = await openUpdateLog({ file: opened.databaseFile });
  const start = deployCopy(state, 0);
  const bytes = new Uint8Array(start.state.buffer);
  await log.putAnchor({ version: 0, fingerprint: start.fingerprint, bytes });
}
