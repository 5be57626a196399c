import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ReplicaStoreError } from "../errors.ts";
import { describeReplicaStore } from "../replica/replica-store.conformance.ts";
import { fileReplicaStore } from "./replica-files.ts";

let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-replica-"));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describeReplicaStore("fileReplicaStore", () => fileReplicaStore(join(directory, "a", "b")));

describe("fileReplicaStore", () => {
  const manifest = Uint8Array.of(1, 2);
  const snapshot = Uint8Array.of(3, 4, 5);

  it("leaves out a record that a crash has cut, wherever", async () => {
    const store = fileReplicaStore(directory);
    await store.save({ manifest, snapshot });
    await store.append([Uint8Array.of(6), Uint8Array.of(7, 8)]);
    const file = join(directory, "replica-updates.bin");
    const { length } = await readFile(file);
    for (let left = length - 1; left >= 0; left--) {
      await truncate(file, left);
      const { updates } = (await store.load())!;
      expect(updates).toEqual(left >= 13 ? [Uint8Array.of(6)] : []);
    }
  });

  it("leaves no other files behind", async () => {
    const store = fileReplicaStore(directory);
    for (let i = 0; i < 3; i++) await store.save({ manifest, snapshot });
    expect((await readdir(directory)).sort()).toEqual(["replica-state.bin", "replica-updates.bin"]);
  });

  it("names a directory that cannot be used, and a file that is something else", async () => {
    const file = join(directory, "file");
    await writeFile(file, "here");
    const saving = fileReplicaStore(file).save({ manifest, snapshot });
    await expect(saving).rejects.toThrow(ReplicaStoreError);
    await expect(saving).rejects.toThrow(file);
    await writeFile(join(directory, "replica-state.bin"), "something else");
    await expect(fileReplicaStore(directory).load()).rejects.toThrow("something else");
  });
});
