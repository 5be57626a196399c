import { deployCopy } from "@everfresh/core";
import { lenet5 } from "@everfresh/engine";
import { encodeSnapshot, encodeUpdate } from "@everfresh/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChainCheck } from "../../bench/fan-out/chain-check.ts";
import { clientFrame, FrameReader, OPCODES } from "../../bench/fan-out/frame-reader.ts";
import { openFilesMax } from "../../bench/fan-out/open-files.ts";
import { webSocketFrame } from "../../packages/everfresh/src/http/web-socket-frame.ts";
import { frameSnapshot, frameUpdate } from "../../packages/sync/src/protocol/message-codec.ts";

describe("FrameReader", () => {
  it("finds the messages again, however they come in pieces", () => {
    const lengths = fc.array(fc.constantFrom(0, 1, 125, 126, 300, 65_535, 65_536, 70_000), {
      minLength: 1,
      maxLength: 6,
    });
    const cuts = fc.array(fc.integer({ min: 1, max: 66_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(lengths, cuts, (sizes, pieces) => {
        const sent = sizes.map((length, i) => Buffer.alloc(length, i + 1));
        const found: Buffer[] = [];
        const reader = new FrameReader(({ opcode, payload }) => {
          expect(opcode).toBe(OPCODES.binary);
          found.push(Buffer.from(payload));
        });
        const wire = Buffer.concat(sent.map((message) => webSocketFrame(message)));
        for (let at = 0, i = 0; at < wire.length; i++) {
          const end = at + (pieces[i % pieces.length] ?? 1);
          reader.push(wire.subarray(at, end));
          at = end;
        }
        expect(found.map((payload, i) => payload.equals(sent[i]!))).toEqual(sent.map(() => true));
      }),
      { numRuns: 60 },
    );
  });

  it("masks what a client sends as RFC 6455 says", () => {
    // "Hello" of section 5.7, as a binary message.
    const frame = clientFrame(OPCODES.binary, new TextEncoder().encode("Hello"));
    expect(frame.toString("hex")).toBe("828537fa213d7f9f4d5158");
  });
});

describe("ChainCheck", () => {
  const model = lenet5({ seed: 1 });
  const { layout } = model.state;
  const deployed = deployCopy(model.state, 5);
  const { version, fingerprint } = deployed;
  const state = new Uint8Array(deployed.state.buffer.slice(0));
  const snapshot = Buffer.from(
    frameSnapshot("log-1", encodeSnapshot({ version, fingerprint, bytes: state })),
  );
  const updates = [1, 2].map((value) => {
    const update = deployed.updateFor({
      valueType: "float32",
      indices: Uint32Array.of(7),
      values: Float32Array.of(value),
      buffers: [],
    });
    deployed.apply(update);
    return Buffer.from(frameUpdate(encodeUpdate(update, { layout })));
  });

  it("follows a snapshot and the updates after it", () => {
    const chain = new ChainCheck();
    expect(chain.take(snapshot)).toBe("snapshot");
    expect(chain).toMatchObject({ version, fingerprint });
    for (const update of updates) expect(chain.take(update)).toBe("update");
    expect(chain).toMatchObject({ version: 7, fingerprint: deployed.fingerprint });
  });

  it("refuses an update after a gap", () => {
    const chain = new ChainCheck();
    chain.take(snapshot);
    expect(() => chain.take(updates[1]!)).toThrow("came after version 5");
  });

  it("refuses every message in which a byte is wrong", () => {
    for (const message of [snapshot, updates[0]!]) {
      for (const at of [8, 30, message.length - 1]) {
        const chain = new ChainCheck();
        if (message !== snapshot) chain.take(snapshot);
        const damaged = Buffer.from(message);
        damaged[at] = (damaged[at] ?? 0) ^ 1;
        expect(() => chain.take(damaged)).toThrow();
      }
    }
  });
});

describe("openFilesMax", () => {
  it.each([
    ["Max open files            1024                 524288               files", 1_024],
    ["Max processes   5 5\nMax open files   unlimited  unlimited   files\n", Infinity],
    ["something else", null],
  ])("reads %j", (limits, expected) => {
    expect(openFilesMax(limits)).toBe(expected);
  });
});
