/**
 * A trainer with its log, a line to each of some replicas, and the replicas with their stores, in one
 * process and in virtual time. Everything that happens follows from the seed. After each event the
 * invariants of SPEC.md section 5 are checked; when the faults have ended, all must be at one state.
 */
import { Random } from "@everfresh/core";

import type { SigningKey } from "../codec/signing-keys.ts";
import type { SignaturePolicy } from "../codec/update-signature.ts";
import { settled } from "../manual-time.fixture.ts";
import { decodeFeedMessage } from "../protocol/message-codec.ts";
import { stepReplica } from "../replica/replica-state.ts";
import { Invariants } from "./invariants.fixture.ts";
import type { Mutation } from "./mutation.fixture.ts";
import { SimAttacker } from "./sim-attacker.fixture.ts";
import { SimDisk } from "./sim-disk.fixture.ts";
import { simHash, simKey } from "./sim-keys.fixture.ts";
import { GOOD_LINE, type LineFaults, SimLine } from "./sim-network.fixture.ts";
import { SimReplica } from "./sim-replica.fixture.ts";
import { ProcessTime, SimTime } from "./sim-time.fixture.ts";
import { SIM_LAYOUT, SimTrainer } from "./sim-trainer.fixture.ts";

/** What became of a run. */
export interface SimulationResult {
  readonly seed: number;
  /** What was violated, and when; null when nothing was. */
  readonly failure: string | null;
  readonly events: number;
  /** Versions published. */
  readonly versions: number;
  /** Names what happened: the same for the same seed. */
  readonly trace: string;
  /** How often each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
}

/** How long faults happen, in virtual milliseconds. */
const FAULTY_MS = 9_000;

/** How long everything may take to heal afterwards. */
const HEALING_MS = 15_000;

/** Restarts take up to this. */
const RESTART_MS_MAX = 800;

/** One replica over all of its lives. */
interface Place {
  readonly line: SimLine;
  readonly disk: SimDisk;
  readonly isPolling: boolean;
  replica: SimReplica | null;
}

/** Runs one simulation to its end. */
export function simulate(seed: number, mutation: Mutation = {}): Promise<SimulationResult> {
  return new Simulation(seed, mutation).run();
}

/** The keys of publishers, all of which replicas trust. */
const KEYS = [simKey(11), simKey(12)] as const;

function policyOf({ trusts }: Mutation): SignaturePolicy {
  const keys = KEYS.map(({ publicKey }) => publicKey);
  if (trusts === "unsigned") return { required: false, keys };
  if (trusts === undefined) return { required: true, keys };
  const blind = keys.map((key) => ({ ...key, verify: () => Promise.resolve(true) }));
  return { required: true, keys: blind };
}

class Simulation {
  readonly #seed: number;
  readonly #mutation: Mutation;
  readonly #random: Random;
  readonly #time = new SimTime();
  readonly #invariants: Invariants;
  readonly #places: readonly Place[];
  readonly #faults: Record<string, number> = {};
  #trainer: SimTrainer | null = null;
  #trainerTime: ProcessTime | null = null;
  #trainerDisk: SimDisk;
  #generation = 1;
  /** Null in runs in which nothing is signed, and nobody asks for it. */
  #signingKey: SigningKey | null;
  #events = 0;
  #lives = 0;
  #hasFaults = true;
  #burst = 0;
  #trace = 0x811c9dc5;

  constructor(seed: number, mutation: Mutation) {
    this.#seed = seed;
    this.#mutation = mutation;
    this.#random = new Random(seed, 1);
    this.#signingKey = seed % 2 === 0 ? KEYS[0] : null;
    this.#invariants = new Invariants();
    this.#trainerDisk = this.#newDisk(false);
    this.#places = Array.from({ length: 2 + this.#random.below(2) }, (_, i) => ({
      line: new SimLine({
        time: this.#time,
        random: new Random(seed, 100 + i),
        server: () => this.#trainer,
        attacker: new SimAttacker(new Random(seed, 200 + i), SIM_LAYOUT, [KEYS[0].publicKey.id]),
      }),
      disk: this.#newDisk(mutation.isTorn ?? false),
      isPolling: i === 0,
      replica: null,
    }));
  }

  async run(): Promise<SimulationResult> {
    this.#startTrainer();
    for (const place of this.#places) this.#startReplica(place);
    this.#publishAgain();
    this.#failAgain();
    let failure = await this.#until(FAULTY_MS, () => false);
    if (failure === null) {
      this.#heal();
      failure = await this.#until(FAULTY_MS + HEALING_MS, () => this.#hasConverged());
      if (failure === null && !this.#hasConverged()) failure = this.#difference();
    }
    for (const { line } of this.#places) {
      for (const [name, count] of Object.entries(line.counts)) this.#count(name, count);
    }
    // Nothing of this run goes on.
    this.#kill(this.#trainerTime);
    for (const { replica } of this.#places) this.#kill(replica?.time ?? null);
    return {
      seed: this.#seed,
      failure: failure === null ? null : `${failure} (at ${Math.round(this.#time.nowMs)} ms)`,
      events: this.#events,
      versions: this.#invariants.versions,
      trace: (this.#trace >>> 0).toString(16).padStart(8, "0"),
      faults: this.#faults,
    };
  }

  /** Lets events happen until `untilMs` or the condition; says which invariant was violated. */
  async #until(untilMs: number, isDone: () => boolean): Promise<string | null> {
    while (this.#time.step(untilMs)) {
      this.#events++;
      await settled();
      const failure = this.#check();
      if (failure !== null) return failure;
      if (isDone()) return null;
    }
    return null;
  }

  #check(): string | null {
    for (const [i, { replica, line }] of this.#places.entries()) {
      if (replica === null) continue;
      const { version } = replica.status;
      this.#trace = Math.imul(this.#trace ^ (version * 31 + i), 0x01000193);
      const failure = this.#invariants.check(i, replica, line, this.#trainer?.head ?? null);
      if (failure !== null) return `replica ${i}: ${failure}`;
      if (this.#events % 16 === 0) replica.predict();
    }
    return this.#invariants.broken;
  }

  #startTrainer(): void {
    const time = this.#newTime();
    this.#trainerTime = time;
    void SimTrainer.start({
      seed: this.#seed,
      logId: `log-${this.#generation}`,
      time,
      disk: this.#trainerDisk,
      random: new Random(this.#seed, 1_000 + this.#lives),
      onPublished: (version) => this.#invariants.published(version),
      signingKey: this.#signingKey,
      isEager: this.#mutation.isEager ?? false,
      isUnbounded: this.#mutation.isUnbounded ?? false,
    }).then(
      (trainer) => {
        if (time.isAlive) this.#trainer = trainer;
      },
      (error: unknown) => this.#invariants.violated(`I12 the log leads nowhere: ${String(error)}`),
    );
  }

  #startReplica(place: Place): void {
    const { parts, isTrusting = false, neverScrubs = false } = this.#mutation;
    const time = this.#newTime();
    place.replica = new SimReplica({
      time,
      random: new Random(this.#seed, 1_000 + this.#lives),
      line: place.line,
      disk: place.disk,
      isPolling: place.isPolling,
      parts: { step: stepReplica, decode: decodeFeedMessage, hash: simHash, ...parts },
      isTrusting,
      scrubMs: neverScrubs ? 1e9 : 1_500,
      signatures: this.#signingKey === null ? null : policyOf(this.#mutation),
      // Whoever looks after it starts it again.
      onMistrust: () => this.#crashReplica(place, "mistrust"),
    });
    this.#invariants.started(this.#places.indexOf(place));
  }

  #crashTrainer(): void {
    this.#count("trainer crash");
    this.#kill(this.#trainerTime);
    this.#trainerDisk.unmount();
    this.#trainer = null;
    for (const { line } of this.#places) line.break();
    // Now and then it comes back with another model, in a log of its own.
    if (this.#random.below(6) === 0) {
      this.#count("new log");
      this.#generation++;
      this.#trainerDisk = this.#newDisk(false);
      for (const { line } of this.#places) line.forget();
    }
    // Or it has got another key, which replicas trust too.
    if (this.#signingKey !== null && this.#random.below(3) === 0) {
      this.#count("new key");
      this.#signingKey = this.#signingKey === KEYS[0] ? KEYS[1] : KEYS[0];
    }
    this.#time.after(this.#random.below(RESTART_MS_MAX), () => this.#startTrainer());
  }

  #crashReplica(place: Place, why = "replica crash"): void {
    this.#count(why);
    this.#kill(place.replica?.time ?? null);
    place.disk.unmount();
    place.replica = null;
    place.line.break();
    this.#time.after(this.#random.below(RESTART_MS_MAX), () => this.#startReplica(place));
  }

  /** The next update, and the one after it; in bursts now and then. */
  #publishAgain(): void {
    if (this.#burst === 0 && this.#random.below(30) === 0) this.#burst = 20;
    if (this.#burst > 0) this.#burst--;
    this.#time.after(this.#burst > 0 ? 6 : this.#random.below(300), () => {
      void this.#trainer?.publish();
      if (this.#hasFaults) this.#publishAgain();
    });
  }

  /** The next fault, and the one after it. */
  #failAgain(): void {
    this.#time.after(20 + this.#random.below(500), () => {
      if (!this.#hasFaults) return;
      this.#fail(this.#places[this.#random.below(this.#places.length)]);
      this.#failAgain();
    });
  }

  #fail(place: Place | undefined): void {
    if (place === undefined) return;
    const { line, disk, replica } = place;
    const what = this.#random.below(10);
    if (what === 0) this.#crashAtWrite(this.#trainerDisk, () => this.#crashTrainer());
    else if (what === 1) this.#crashAtWrite(disk, () => this.#crashReplica(place));
    else if (what === 2 && replica !== null) this.#crashReplica(place);
    else if (what === 3 && this.#trainer !== null) this.#crashTrainer();
    else if (what === 4) {
      this.#count("partition");
      line.isPartitioned = true;
      this.#time.after(this.#random.below(4_000), () => (line.isPartitioned = false));
    } else if (what === 5) {
      this.#count("break");
      line.break();
    } else if (what === 6) {
      if (this.#mutation.isHonest === true) return;
      this.#count("rot");
      replica?.runtime.rot(this.#random.below(1 << 16));
    } else line.faults = this.#badLine();
  }

  #crashAtWrite(disk: SimDisk, crash: () => void): void {
    if (!disk.willCrash) disk.crashAtNextWrite(crash);
  }

  #badLine(): LineFaults {
    const chance = (most: number): number =>
      this.#random.below(2) === 0 ? 0 : this.#random.float() * most;
    return {
      drop: chance(0.2),
      corrupt: chance(0.2),
      forge: this.#mutation.isHonest === true ? 0 : chance(0.1),
      // Without signatures nothing could be done about it.
      attack: this.#mutation.isHonest === true || this.#signingKey === null ? 0 : chance(0.1),
      duplicate: chance(0.3),
      reorder: chance(0.2),
      bandwidth: this.#random.below(4) === 0 ? 0.2 : 100,
      delayMs: 1 + this.#random.below(80),
      ...this.#mutation.line,
    };
  }

  /** From now on everything works. */
  #heal(): void {
    this.#hasFaults = false;
    for (const { line, disk } of this.#places) {
      line.faults = GOOD_LINE;
      line.isPartitioned = false;
      disk.heal();
    }
    this.#trainerDisk.heal();
  }

  #hasConverged(): boolean {
    const head = this.#trainer?.head;
    if (head === undefined || this.#time.nowMs < FAULTY_MS + 300) return false;
    return this.#places.every(({ replica }) => {
      if (replica === null || replica.runtime.isRotten) return false;
      const { phase, version, fingerprint } = replica.status;
      const isThere = version === head.version && fingerprint === head.fingerprint;
      return phase === "live" && isThere && replica.logId === `log-${this.#generation}`;
    });
  }

  #difference(): string {
    const head = this.#trainer?.head;
    const states = this.#places.map(({ replica }) => {
      const { phase, version, fingerprint } = replica?.status ?? {};
      return `${phase} ${version} ${fingerprint} ${replica?.runtime.isRotten === true ? "rotten" : ""}`;
    });
    return `I6 not converged: head ${head?.version} ${head?.fingerprint}, replicas ${states.join("; ")}`;
  }

  #newDisk(isTorn: boolean): SimDisk {
    const random = new Random(this.#seed, 10_000 + this.#random.below(1_000_000));
    return new SimDisk({ time: this.#time, random, isTorn });
  }

  #newTime(): ProcessTime {
    this.#lives++;
    const skewMs = this.#random.below(20_000) - 10_000;
    return new ProcessTime(this.#time, skewMs, 0.9 + this.#random.float() * 0.2);
  }

  #kill(time: ProcessTime | null): void {
    if (time !== null) time.isAlive = false;
  }

  #count(name: string, by = 1): void {
    this.#faults[name] = (this.#faults[name] ?? 0) + by;
  }
}
