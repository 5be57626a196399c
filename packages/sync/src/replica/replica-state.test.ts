import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { readUpdateHeader } from "../codec/update-header.ts";
import { Publisher, smallManifest } from "../publisher.fixture.ts";
import type {
  ReplicaEvent,
  ReplicaMemory,
  ReplicaPhase,
  ReplicaState,
  StepContext,
} from "./replica-machine.ts";
import { REFUSALS_MAX } from "./replica-moves.ts";
import { startReplica, stepReplica } from "./replica-state.ts";

const NOW = 10_000;
const context: StepContext = {
  nowMs: NOW,
  jitter: 0.5,
  limits: {
    openMs: 1_000,
    answerMs: 5_000,
    silenceMs: 3_000,
    scrubMs: 60_000,
    backoff: { baseMs: 100, capMs: 1_600 },
  },
};

const manifest = smallManifest("log-1");
const publisher = new Publisher(new Random(1));
const { fingerprint: fingerprint0 } = publisher.deployed;
const served = { logId: "log-1", version: 0, fingerprint: fingerprint0 };
const { bytes: bytes1 } = publisher.next();
const fingerprint1 = publisher.deployed.fingerprint;
const { bytes: bytes2 } = publisher.next();
const bytes = new Uint8Array(0);
const snapshot = { version: 1, fingerprint: fingerprint1, bytes };
const oldSnapshot = { version: 0, fingerprint: fingerprint0, bytes };

const memory: ReplicaMemory = {
  manifest,
  served,
  reload: false,
  doubtful: false,
  eventTimeMs: null,
  headVersion: 0,
  attempt: 0,
  updatesApplied: 0,
  snapshots: 1,
  rejected: 0,
};
const nothingYet: ReplicaMemory = {
  ...memory,
  manifest: null,
  served: null,
  reload: true,
  headVersion: -1,
  snapshots: 0,
};

const STATES = {
  waiting: { kind: "connecting", opening: false, deadlineMs: NOW + 50, memory },
  opening: { kind: "connecting", opening: true, deadlineMs: NOW + 50, memory },
  syncing: { kind: "syncing", refusals: 0, sameLog: true, deadlineMs: NOW + 50, memory },
  live: { kind: "live", deadlineMs: NOW + 50, memory },
  closed: { kind: "closed", reason: "it was disposed", memory },
} as const satisfies Readonly<Record<string, ReplicaState>>;

const EVENTS = {
  opened: { kind: "opened" },
  lost: { kind: "lost" },
  sameManifest: message({ kind: "manifest", manifest, bytes }),
  otherManifest: message({ kind: "manifest", manifest: smallManifest("log-2"), bytes }),
  newSnapshot: message({ kind: "snapshot", logId: "log-1", snapshot, bytes }),
  oldSnapshot: message({ kind: "snapshot", logId: "log-1", snapshot: oldSnapshot, bytes }),
  foreignSnapshot: message({ kind: "snapshot", logId: "log-2", snapshot, bytes }),
  nextUpdate: message({ kind: "update", header: readUpdateHeader(bytes1), bytes: bytes1 }),
  laterUpdate: message({ kind: "update", header: readUpdateHeader(bytes2), bytes: bytes2 }),
  sameHead: message({ kind: "head", ...served }),
  laterHead: message({ kind: "head", logId: "log-1", version: 1, fingerprint: fingerprint1 }),
  divergedHead: message({ kind: "head", logId: "log-1", version: 0, fingerprint: fingerprint1 }),
  foreignHead: message({ kind: "head", ...served, logId: "log-2" }),
  shutdown: message({ kind: "end", reason: "shutdown", message: "" }),
  busy: message({ kind: "end", reason: "busy", message: "" }),
  violation: message({ kind: "end", reason: "violation", message: "" }),
  unsupported: message({ kind: "end", reason: "unsupported", message: "" }),
  malformed: { kind: "malformed" },
  applied: {
    kind: "applied",
    name: { version: 1, fingerprint: fingerprint1 },
    eventTimeMs: 5,
  },
  replaced: {
    kind: "replaced",
    eventTimeMs: 6,
    position: { logId: "log-1", version: 1, fingerprint: fingerprint1 },
  },
  badData: { kind: "refused", fault: "badData" },
  broken: { kind: "refused", fault: "broken" },
  earlyWake: { kind: "wake" },
  dispose: { kind: "dispose", reason: "enough" },
} as const satisfies Readonly<Record<string, ReplicaEvent>>;

/** Phase afterwards and what is done, in words: "live: apply", "connecting", ... */
type Outcome = `${ReplicaPhase}${"" | `: ${string}`}`;
type Row = { readonly [E in keyof typeof EVENTS]: Outcome };

const IGNORED = (phase: ReplicaPhase): Row =>
  Object.fromEntries(Object.keys(EVENTS).map((event) => [event, phase])) as Row;

// Every state against every event; a new one of either does not compile until it has its outcomes.
const TABLE: { readonly [S in keyof typeof STATES]: Row } = {
  waiting: { ...IGNORED("connecting"), dispose: "closed: close" },
  opening: { ...IGNORED("connecting"), opened: "syncing: send hello", dispose: "closed: close" },
  syncing: {
    opened: "syncing",
    lost: "connecting",
    sameManifest: "syncing",
    otherManifest: "syncing",
    newSnapshot: "syncing: replace",
    oldSnapshot: "syncing: replace",
    foreignSnapshot: "syncing: send resync noManifest",
    nextUpdate: "syncing: apply",
    laterUpdate: "syncing",
    sameHead: "live: send ack",
    laterHead: "syncing",
    divergedHead: "syncing: send resync diverged",
    foreignHead: "syncing",
    shutdown: "connecting: close",
    busy: "connecting: close",
    violation: "connecting: close",
    unsupported: "connecting: close",
    malformed: "syncing: send resync corrupt",
    applied: "live: send ack",
    replaced: "live: send ack",
    badData: "syncing: send resync diverged",
    broken: "syncing: send resync diverged",
    earlyWake: "syncing",
    dispose: "closed: close",
  },
  live: {
    opened: "live",
    lost: "connecting",
    sameManifest: "live",
    otherManifest: "syncing",
    newSnapshot: "live: replace",
    oldSnapshot: "live",
    foreignSnapshot: "syncing: send resync noManifest",
    nextUpdate: "live: apply",
    laterUpdate: "syncing: send resync gap",
    sameHead: "live",
    laterHead: "syncing: send resync gap",
    divergedHead: "syncing: send resync diverged",
    foreignHead: "syncing: send resync noManifest",
    shutdown: "connecting: close",
    busy: "connecting: close",
    violation: "connecting: close",
    unsupported: "connecting: close",
    malformed: "syncing: send resync corrupt",
    applied: "live: send ack",
    replaced: "live: send ack",
    badData: "syncing: send resync diverged",
    broken: "syncing: send resync diverged",
    earlyWake: "live",
    dispose: "closed: close",
  },
  closed: IGNORED("closed"),
};

describe("stepReplica", () => {
  const cases = Object.entries(TABLE).flatMap(([state, row]) =>
    Object.entries(row).map(([event, outcome]) => [state, event, outcome] as const),
  );

  it.each(cases)("in state %s on event %s: %s", (state, event, outcome) => {
    expect(outcomeOf(STATES[state as keyof typeof STATES], event)).toBe(outcome);
  });

  it.each(Object.keys(TABLE))("in state %s changes what is served on results only", (name) => {
    const state = STATES[name as keyof typeof STATES];
    for (const [kind, event] of Object.entries(EVENTS)) {
      if (kind === "applied" || kind === "replaced") continue;
      expect(stepReplica(state, event, context).state.memory.served).toEqual(served);
    }
  });

  it.each(Object.keys(TABLE))("in state %s counts a rejection for bad messages only", (name) => {
    const state: ReplicaState = STATES[name as keyof typeof STATES];
    const connected = state.kind === "live" || state.kind === "syncing";
    for (const [kind, event] of Object.entries(EVENTS)) {
      const bad =
        ["malformed", "divergedHead", "foreignSnapshot"].includes(kind) ||
        (["laterUpdate", "foreignHead"].includes(kind) && state.kind === "live");
      const refused = state.kind !== "closed" && ["badData", "broken"].includes(kind);
      const { rejected } = stepReplica(state, event, context).state.memory;
      expect([kind, rejected]).toEqual([kind, (bad && connected) || refused ? 1 : 0]);
    }
  });

  it("starts by opening a connection", () => {
    const { state, effects } = startReplica(context);
    expect(state).toMatchObject({ kind: "connecting", opening: true, memory: nothingYet });
    expect(effects).toEqual([{ kind: "open" }]);
  });

  it("says in its hello what it serves, and nothing when it needs a fresh session", () => {
    const hello = (state: ReplicaState): unknown =>
      stepReplica(state, EVENTS.opened, context).effects[0];
    expect(hello(STATES.opening)).toMatchObject({ message: { have: served } });
    const reloading = { ...STATES.opening, memory: { ...memory, reload: true } };
    expect(hello(reloading)).toMatchObject({ message: { have: null } });
  });

  it("says with a resync what it can go on from: not what is in doubt", () => {
    const sent = (state: ReplicaState, event: ReplicaEvent): unknown =>
      stepReplica(state, event, context).effects[0];
    expect(sent(STATES.live, EVENTS.laterUpdate)).toMatchObject({ message: { have: served } });
    expect(sent(STATES.live, EVENTS.malformed)).toMatchObject({ message: { have: served } });
    for (const event of [EVENTS.badData, EVENTS.broken, EVENTS.divergedHead]) {
      expect(sent(STATES.live, event)).toMatchObject({ message: { have: null } });
      const { state } = stepReplica(STATES.live, event, context);
      // Neither an update nor the head will do then, on another connection either.
      for (const other of ["nextUpdate", "sameHead", "laterHead"]) {
        expect(outcomeOf(state, other)).toBe("syncing");
      }
      const lost = stepReplica(state, EVENTS.lost, context).state;
      const again = stepReplica({ ...lost, opening: true } as ReplicaState, EVENTS.opened, context);
      expect(again.effects[0]).toMatchObject({ message: { have: null } });
      const healed = stepReplica(state, EVENTS.replaced, context).state;
      expect(outcomeOf(healed, "laterUpdate")).toBe("live: apply");
    }
  });

  it("takes an older snapshot as the answer to its hello or in doubt, not one that was under way", () => {
    const ahead = { ...STATES.syncing, memory: { ...memory, served: { ...served, version: 5 } } };
    expect(outcomeOf(ahead, "newSnapshot")).toBe("syncing");
    expect(outcomeOf({ ...ahead, sameLog: false }, "newSnapshot")).toBe("syncing: replace");
    const doubtful = { ...ahead, memory: { ...ahead.memory, doubtful: true } };
    expect(outcomeOf(doubtful, "newSnapshot")).toBe("syncing: replace");
  });

  it("takes no update before it knows that the feed's log is the served one", () => {
    const greeted = stepReplica(STATES.opening, EVENTS.opened, context).state;
    expect(outcomeOf(greeted, "nextUpdate")).toBe("syncing");
    const confirmed = stepReplica(greeted, EVENTS.laterHead, context).state;
    expect(outcomeOf(confirmed, "nextUpdate")).toBe("syncing: apply");
    const foreign = stepReplica(greeted, EVENTS.foreignHead, context).state;
    expect(outcomeOf(foreign, "nextUpdate")).toBe("syncing");
  });

  it("knows how far it is behind, and how fresh what it serves is", () => {
    const { memory: behind } = stepReplica(STATES.live, EVENTS.laterUpdate, context).state;
    expect(behind).toMatchObject({ headVersion: 2, served, eventTimeMs: null });
    const { memory: caughtUp } = stepReplica(STATES.live, EVENTS.applied, context).state;
    expect(caughtUp).toMatchObject({ headVersion: 1, eventTimeMs: 5 });
    const { memory: replaced } = stepReplica(STATES.live, EVENTS.replaced, context).state;
    expect(replaced).toMatchObject({ headVersion: 1, eventTimeMs: 6 });
  });

  it("starts from what it served in an earlier life", () => {
    const { state } = startReplica(context, { manifest, served, eventTimeMs: 7 });
    expect(state.memory).toMatchObject({ served, reload: false, eventTimeMs: 7 });
    expect(stepReplica(state, EVENTS.opened, context).effects[0]).toMatchObject({
      message: { have: served },
    });
  });

  it("loads a fresh session for its first snapshot, another log, and after a broken one", () => {
    const firstTime = { ...STATES.syncing, memory: { ...nothingYet, manifest } };
    expect(outcomeOf(firstTime, "newSnapshot")).toBe("syncing: load");

    const other = stepReplica(STATES.live, EVENTS.otherManifest, context).state;
    expect(outcomeOf(other, "foreignSnapshot")).toBe("syncing: load");
    expect(outcomeOf(other, "newSnapshot")).toBe("syncing: send resync noManifest");

    const broken = stepReplica(STATES.live, EVENTS.broken, context).state;
    expect(outcomeOf(broken, "newSnapshot")).toBe("syncing: load");
  });

  it("asks for the manifest when a snapshot comes without one", () => {
    const state = { ...STATES.syncing, memory: nothingYet };
    expect(outcomeOf(state, "newSnapshot")).toBe("syncing: send resync noManifest");
    expect(outcomeOf(state, "malformed")).toBe("syncing: send resync noManifest");
  });

  it("closes when it has nothing to serve and model or protocol cannot be used", () => {
    const state = { ...STATES.syncing, memory: { ...nothingYet, manifest } };
    expect(outcomeOf(state, "broken")).toBe("closed: close");
    expect(outcomeOf(state, "unsupported")).toBe("closed: close");
    expect(outcomeOf(state, "badData")).toBe("syncing: send resync diverged");
  });

  it("tries a new connection after too many refusals in a row", () => {
    let state: ReplicaState = STATES.live;
    for (let i = 0; i < REFUSALS_MAX; i++) {
      state = stepReplica(state, EVENTS.malformed, context).state;
      expect(state.kind).toBe("syncing");
    }
    expect(outcomeOf(state, "malformed")).toBe("connecting: close");
  });

  it("waits longer after each failure, up to the cap, and starts over once it was live", () => {
    let state: ReplicaState = STATES.opening;
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      state = stepReplica(state, EVENTS.lost, context).state;
      if (state.kind === "closed") throw new Error("closed");
      waits.push(state.deadlineMs - NOW);
      state = wake(state);
      expect(state).toMatchObject({ kind: "connecting", opening: true });
    }
    expect(waits).toEqual([75, 150, 300, 600, 1_200, 1_200]);
    state = stepReplica(state, EVENTS.opened, context).state;
    state = stepReplica(state, EVENTS.sameHead, context).state;
    state = stepReplica(state, EVENTS.lost, context).state;
    expect(state).toMatchObject({ deadlineMs: NOW + 75 });
  });

  it("gives a connection up when its deadline passes", () => {
    for (const state of [STATES.opening, STATES.syncing, STATES.live]) {
      expect(wake(state)).toMatchObject({ kind: "connecting", opening: false });
    }
  });

  it("takes any message as a sign of life while live, and none as the answer while syncing", () => {
    const heard = stepReplica(STATES.live, EVENTS.oldSnapshot, context).state;
    expect(heard).toMatchObject({ deadlineMs: NOW + 3_000 });
    const waiting = stepReplica(STATES.syncing, EVENTS.laterHead, context).state;
    expect(waiting).toMatchObject({ deadlineMs: STATES.syncing.deadlineMs });
  });

  it("ignores updates that it has already", () => {
    const ahead = { ...memory, served: { ...served, version: 5 } };
    expect(outcomeOf({ ...STATES.live, memory: ahead }, "nextUpdate")).toBe("live");
  });
});

function message(content: Extract<ReplicaEvent, { kind: "message" }>["message"]): ReplicaEvent {
  return { kind: "message", message: content };
}

function wake(
  state: Exclude<ReplicaState, { kind: "closed" }>,
): Exclude<ReplicaState, { kind: "closed" }> {
  const { state: next } = stepReplica(
    state,
    { kind: "wake" },
    { ...context, nowMs: state.deadlineMs },
  );
  if (next.kind === "closed") throw new Error("closed");
  return { ...next };
}

function outcomeOf(state: ReplicaState, event: string): string {
  const step = stepReplica(state, EVENTS[event as keyof typeof EVENTS], context);
  const words = step.effects.map((effect) => {
    if (effect.kind !== "send") return effect.kind;
    const { message: sent } = effect;
    return sent.kind === "resync" ? `send resync ${sent.reason}` : `send ${sent.kind}`;
  });
  return [step.state.kind, words.join(", ")].filter((word) => word !== "").join(": ");
}
