import { describe, expect, it } from "vitest";

import type { ReplicaStore } from "./replica-store.ts";

/** What every store of a replica must do. */
export function describeReplicaStore(name: string, open: () => ReplicaStore): void {
  const manifest = Uint8Array.of(1, 2);
  const snapshot = Uint8Array.of(3, 4, 5);

  describe(`${name} as a replica's store`, () => {
    it("has nothing at first", async () => {
      expect(await open().load()).toBeNull();
    });

    it("keeps a state and the updates after it, in order, for the next one", async () => {
      const store = open();
      await store.save({ manifest, snapshot });
      await store.append([Uint8Array.of(6), Uint8Array.of(7, 8)]);
      await store.append([new Uint8Array(0), new Uint8Array(70_000).fill(9)]);
      const updates = [
        Uint8Array.of(6),
        Uint8Array.of(7, 8),
        new Uint8Array(0),
        new Uint8Array(70_000).fill(9),
      ];
      expect(await store.load()).toEqual({ manifest, snapshot, updates });
      expect(await open().load()).toEqual({ manifest, snapshot, updates });
    });

    it("replaces everything by another state", async () => {
      const store = open();
      await store.save({ manifest, snapshot });
      await store.append([Uint8Array.of(6)]);
      const other = { manifest: Uint8Array.of(9), snapshot: new Uint8Array(0) };
      await store.save(other);
      expect(await open().load()).toEqual({ ...other, updates: [] });
    });
  });
}
