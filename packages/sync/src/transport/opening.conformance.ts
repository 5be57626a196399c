import { describe, expect, it } from "vitest";

import { TransportError } from "../errors.ts";
import type { Transport } from "./transport.ts";

/** A transport to somewhere. */
export interface OpeningWorld extends AsyncDisposable {
  readonly transport: Transport;
  /** A transport of the same kind to where nobody listens. */
  readonly unreachable: Transport;
}

/** What every transport must do when it opens and closes connections. */
export function describeOpening(name: string, open: () => Promise<OpeningWorld>): void {
  const never = new AbortController().signal;

  describe(`opening connections over ${name}`, () => {
    it("rejects with a typed error that names the address when nobody listens", async () => {
      await using world = await open();
      const error: unknown = await world.unreachable.open(never).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TransportError);
      expect(String(error)).toContain(world.unreachable.address);
    });

    it("rejects with the signal's reason when aborted before", async () => {
      await using world = await open();
      const reason = new Error("no longer needed");
      await expect(world.transport.open(AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    it("rejects with the signal's reason when aborted while it opens", async () => {
      await using world = await open();
      const controller = new AbortController();
      const reason = new Error("no longer needed");
      const opening = world.transport.open(controller.signal);
      controller.abort(reason);
      await expect(opening).rejects.toBe(reason);
    });

    it("ends the frames of a connection when that is closed, or its signal aborted", async () => {
      await using world = await open();
      const controller = new AbortController();
      const closed = await world.transport.open(never);
      const aborted = await world.transport.open(controller.signal);
      closed.close();
      closed.close();
      closed.send(Uint8Array.of(1));
      controller.abort();
      expect(await countOf(closed)).toBe(0);
      expect(await countOf(aborted)).toBe(0);
    });
  });
}

async function countOf(frames: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0;
  for await (const frame of frames) count += Math.min(1, frame.length);
  return count;
}
