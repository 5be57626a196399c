import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fingerprintOf } from "@everfresh/core";
import { decodeSafetensors, importModel } from "@everfresh/engine";
import { expect, it } from "vitest";
import { run, start, temporaryFolder } from "./program.ts";

interface Report {
  readonly file: string;
  readonly version: number;
  readonly fingerprint: string;
  readonly bytes: number;
  readonly sha256: string;
}

async function exported(args: readonly string[]): Promise<Report> {
  const { status, stdout, stderr } = await run(["export", "--json", ...args]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}

it("gives the weights of a run that goes on as files that need no Everfresh", async () => {
  using folder = temporaryFolder();
  const at = (name: string): string => path.join(folder.path, name);
  const state = ["--state", at("state")];
  const trainer = start(["run", ...state, "--port", "0", "--rate", "400"]);
  const [, feed = ""] = await trainer.shows(/(ws:\/\/\S+)/);
  const version = async (): Promise<number> => {
    const response = await fetch(feed.replace("ws:", "http:"));
    return ((await response.json()) as { version: number }).version;
  };
  await expect.poll(version, { timeout: 30_000 }).toBeGreaterThanOrEqual(20);

  const live = await exported([...state, "-o", at("live.onnx")]);
  expect(live.version).toBeGreaterThanOrEqual(20);
  const bytes = readFileSync(live.file);
  expect(live.bytes).toBe(bytes.byteLength);
  expect(live.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  expect(fingerprintOf(importModel(bytes).state)).toBe(live.fingerprint);

  trainer.child.kill("SIGKILL");
  await trainer.ended;
  const again = await exported([
    ...[...state, "--version", `${live.version}`],
    ...["-o", at("again.onnx")],
  ]);
  expect(again.sha256).toBe(live.sha256);

  const early = await exported([...state, "--version", "5", "-o", at("early.safetensors")]);
  const { tensors, metadata } = decodeSafetensors(readFileSync(early.file));
  expect(metadata).toMatchObject({ name: "digits", version: "5", fingerprint: early.fingerprint });
  expect(JSON.parse(metadata["preprocessing"] ?? "")).toMatchObject({ kind: "image", width: 28 });
  expect([...tensors.keys()]).toContain("conv1.weight");
  expect(early.fingerprint).not.toBe(live.fingerprint);
});
