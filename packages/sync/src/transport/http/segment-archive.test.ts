import { Random, systemClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { ProtocolError } from "../../errors.ts";
import { Feed } from "../../feed/feed.ts";
import { Publisher, randomState, SMALL_LAYOUT, smallManifest } from "../../publisher.fixture.ts";
import { decodeHttpHead, encodeHttpHead, type HttpHead } from "./http-head.ts";
import { HttpFeed } from "./http-feed.ts";
import { cheapestPath } from "./http-path.ts";
import { copyOf, reached } from "./segment-archive.fixture.ts";
import { SegmentArchive } from "./segment-archive.ts";
import { updatesOf } from "./segment.ts";

describe("SegmentArchive", () => {
  it.each([0, 37, 250])("leads everybody to the head, from version %i on", async (start) => {
    const publisher = new Publisher(new Random(start), randomState(new Random(1), start));
    const feed = feedOf(publisher);
    using archive = new SegmentArchive(feed);
    const past = [copyOf(publisher)];
    for (let version = start + 1; version <= start + 600; version++) {
      const { update, bytes } = publisher.next();
      feed.publish(update, bytes);
      past.push(copyOf(publisher));
      if (version % 37 > 0) continue;
      await archive.settled();
      const head = decodeHttpHead(archive.head);
      expect(head).toMatchObject({ version, fingerprint: publisher.deployed.fingerprint });
      for (const age of [0, 1, 15, 16, 17, 33, 100, 300, 500]) {
        expect(reached(archive, head, past.at(-1 - age) ?? null, SMALL_LAYOUT)).toBe(
          head.fingerprint,
        );
      }
      expect(reached(archive, head, null, SMALL_LAYOUT)).toBe(head.fingerprint);
    }
    expect(archive.head.length).toBeLessThan(1_200);
  });
});

describe("HttpFeed", () => {
  it("marks everything as immutable but the head, and has nothing else", async () => {
    const publisher = new Publisher(new Random(1));
    const feed = feedOf(publisher);
    using http = new HttpFeed(feed);
    const { update, bytes } = publisher.next();
    feed.publish(update, bytes);
    await http.settled();
    const ask = (path: string, ifNoneMatch: string | null = null): ReturnType<HttpFeed["answer"]> =>
      http.answer({ path, ifNoneMatch });
    const head = await ask("head");
    expect(head.headers["cache-control"]).not.toContain("immutable");
    const { manifest } = decodeHttpHead(head.body);
    const edition = `log-1/${manifest}`;
    for (const path of [
      `manifests/${edition}`,
      `segments/${edition}/0-1`,
      `anchors/${edition}/0`,
    ]) {
      const answer = await ask(path);
      expect(answer.status).toBe(200);
      expect(answer.headers["cache-control"]).toContain("immutable");
      expect(answer.body.length).toBeGreaterThan(0);
      const tag = answer.headers["etag"] ?? "";
      expect(await ask(path, tag)).toMatchObject({ status: 304 });
      expect(await ask(path, `W/${tag}`)).toMatchObject({ status: 304 });
    }
    const others = ["", "x", "segments", `segments/${edition}/1-2`, "head/", "anchors/%/0"];
    const foreign = [`segments/log-2/${manifest}/0-1`, "segments/log-1/00000000/0-1"];
    const long = [`anchors/${edition}/7`, `anchors/${edition}/0/1`, `manifests/${edition}/0`];
    for (const path of [...others, ...foreign, ...long]) {
      expect(await ask(path)).toMatchObject({
        status: 404,
        headers: { "cache-control": "no-store" },
      });
    }
    const etag = head.headers["etag"] ?? "";
    expect(await ask("head", etag)).toMatchObject({ status: 304 });
    expect(await ask("head", `"other", ${etag}`)).toMatchObject({ status: 304 });
    feed.publish(...nextOf(publisher));
    await http.settled();
    expect(await ask("head", etag)).toMatchObject({ status: 200 });
  });
});

describe("cheapestPath", () => {
  const segments = [
    { from: 0, to: 16, bytes: 70 },
    { from: 0, to: 1, bytes: 10 },
    { from: 1, to: 2, bytes: 10 },
    { from: 2, to: 16, bytes: 40 },
    { from: 16, to: 17, bytes: 10 },
  ];
  const head = { version: 17, anchors: [{ version: 16, bytes: 65 }], segments };

  it("goes back to no anchor that is older than what is there, or as old", () => {
    const head = {
      version: 9,
      anchors: [
        { version: 2, bytes: 1 },
        { version: 5, bytes: 100 },
      ],
      segments: [
        { from: 2, to: 8, bytes: 1 },
        { from: 5, to: 8, bytes: 1 },
        { from: 8, to: 9, bytes: 1 },
      ],
    };
    expect(cheapestPath(head, 1)?.anchor?.version).toBe(2);
    expect(cheapestPath(head, 2)?.anchor).toBeNull();
    expect(cheapestPath(head, 3)?.anchor?.version).toBe(5);
    expect(cheapestPath(head, 6)).toBeNull();
  });

  it("is the one with the fewest bytes", () => {
    expect(cheapestPath(head, 0)?.bytes).toBe(70);
    expect(cheapestPath(head, 0)?.segments.map(({ from }) => from)).toEqual([0, 1, 2, 16]);
    expect(cheapestPath({ ...head, anchors: [{ version: 16, bytes: 50 }] }, 0)?.bytes).toBe(60);
    expect(cheapestPath(head, 17)).toEqual({ anchor: null, segments: [], bytes: 0 });
    expect(cheapestPath(head, null)?.anchor?.version).toBe(16);
    expect(cheapestPath({ ...head, anchors: [] }, 5)).toBeNull();
  });
});

describe("a head", () => {
  const head: HttpHead = {
    logId: "log-1",
    manifest: "abc",
    version: 17,
    fingerprint: "0123456789abcdef0123456789abcdef",
    anchors: [{ version: 16, bytes: 5_000 }],
    segments: [
      { from: 3, to: 16, bytes: 70 },
      { from: 16, to: 17, bytes: 10 },
    ],
  };

  it("is given back as it was, and never otherwise", () => {
    const bytes = encodeHttpHead(head);
    expect(decodeHttpHead(bytes)).toEqual(head);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeHttpHead(flipped)).toThrow();
    }
    expect(() => updatesOf(Uint8Array.of(5, 1))).toThrow(ProtocolError);
  });
});

function feedOf({ deployed }: Publisher): Feed {
  return new Feed({ manifest: smallManifest(), deployed, clock: systemClock });
}

function nextOf(publisher: Publisher): Parameters<Feed["publish"]> {
  const { update, bytes } = publisher.next();
  return [update, bytes];
}
