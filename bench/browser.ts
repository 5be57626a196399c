/** Frames of a page while its replica follows updates, beside those of the same page left alone. */
import { parseArgs } from "node:util";
import { resnet18 } from "@everfresh/engine";
import { type CDPSession, chromium, type Page } from "playwright-core";
import { type ModelFeed, startModelFeed } from "./browser/model-feed.ts";
import type { BenchPage, Watched } from "./browser/page.ts";
import { servePage } from "./browser/page-server.ts";
import { positiveOption, wholeOption } from "./option-values.ts";
import { type Distribution, distributionOf } from "./statistics.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- browser [options]

A page in headless Chromium holds a replica of ResNet-18 (images of 32 x 32), over a WebSocket from the
program's own server, and draws a frame whenever the browser asks for one. Rounds in which updates come
alternate with rounds in which none does. For each: frames, the longest, those over 50 ms, tasks of the
page's main thread of 50 ms and more, and how long that thread computed per second. The bar: no frame
over 50 ms due to an update.

  --rounds N              of each kind (default 5)
  --updates N             per round (default 20)
  --updates-per-second N  (default 5)
  --ratio R               part of the parameters in each update (default 0.001)
  --json                  one JSON document { parameters, ratio, updateBytes, joinMs, predictMs,
                          quiet, updating: { frames: { count, p50, p90, p99, max }, framesOver50Ms,
                          longTasks, mainThreadMsPerSecond }, knownMs }; knownMs is from an update's
                          publication to the moment at which the page knows that it is served
  --help                  this text

EVERFRESH_CHROMIUM names the browser (default /usr/bin/chromium).`;

const OPTIONS = {
  rounds: { type: "string", default: "5" },
  updates: { type: "string", default: "20" },
  "updates-per-second": { type: "string", default: "5" },
  ratio: { type: "string", default: "0.001" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const CHROMIUM = process.env["EVERFRESH_CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
];
const SIDE = 32; // pixels
const FRAME_MS_MAX = 50;
const WARM_UP_UPDATES = 5; // compilers settle

// The page offers what the bench asks for as a global.
declare const benchPage: BenchPage;

interface Settings {
  readonly rounds: number;
  readonly updates: number;
  readonly updatesPerSecond: number;
  readonly ratio: number;
  readonly json: boolean;
}

interface Side {
  readonly frames: Distribution;
  readonly framesOver50Ms: number;
  readonly longTasks: Distribution;
  readonly mainThreadMsPerSecond: number;
}

/** The command `browser`; returns the exit status. */
export function browser(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const { rounds, updates, ratio } = settings;
    const model = resnet18({ seed: 1, inputSize: SIDE });
    const count = WARM_UP_UPDATES + rounds * updates;
    await using feed = await startModelFeed(model, SIDE, { count, ratio });
    await using site = await servePage();
    const chrome = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    try {
      const page = await chrome.newPage();
      await page.goto(site.address);
      const measured = await measure(page, feed, settings);
      const report = {
        parameters: model.state.layout.parameterCount,
        ratio,
        updateBytes: feed.updateBytes,
        ...measured,
      };
      console.log(settings.json ? JSON.stringify(report, null, 2) : table(report));
      return 0;
    } finally {
      await chrome.close();
    }
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  return {
    rounds: wholeOption("rounds", values.rounds),
    updates: wholeOption("updates", values.updates),
    updatesPerSecond: positiveOption("updates-per-second", values["updates-per-second"]),
    ratio: positiveOption("ratio", values.ratio),
    json: values.json,
  };
}

interface Measured {
  readonly joinMs: number;
  readonly predictMs: number;
  readonly quiet: Side;
  readonly updating: Side;
  readonly knownMs: Distribution;
}

async function measure(page: Page, feed: ModelFeed, settings: Settings): Promise<Measured> {
  const inspector = await page.context().newCDPSession(page);
  await inspector.send("Performance.enable", { timeDomain: "threadTicks" });
  const joinMs = await page.evaluate((url) => benchPage.connect(url), feed.url);
  const length = 3 * SIDE * SIDE;
  await page.evaluate((pixels) => benchPage.predict(pixels), length);
  const predictMs = await page.evaluate((pixels) => benchPage.predict(pixels), length);
  const everyMs = 1_000 / settings.updatesPerSecond;
  const publishedAtMs: number[] = [];
  const publish = async (updates: number): Promise<void> => {
    for (let sent = 0; sent < updates; sent++) {
      const atMs = performance.timeOrigin + performance.now();
      publishedAtMs[feed.publishNext()] = atMs;
      await pause(everyMs);
    }
  };
  await publish(WARM_UP_UPDATES);
  const quiet: Round[] = [];
  const updating: Round[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    quiet.push(await watch(page, inspector, () => pause(everyMs * settings.updates)));
    updating.push(await watch(page, inspector, () => publish(settings.updates)));
  }
  const lastVersion = publishedAtMs.length - 1;
  const knownAtMs = await page.evaluate((version) => benchPage.knew(version), lastVersion);
  // Versions that came together with the next one have no moment of their own.
  const knownMs = publishedAtMs.flatMap((atMs, version) => {
    const known = knownAtMs[version];
    return version > WARM_UP_UPDATES && typeof known === "number" ? [known - atMs] : [];
  });
  return {
    joinMs,
    predictMs,
    quiet: sideOf(quiet),
    updating: sideOf(updating),
    knownMs: distributionOf(knownMs),
  };
}

interface Round extends Watched {
  readonly busyMs: number;
  readonly seconds: number;
}

async function watch(page: Page, inspector: CDPSession, work: () => Promise<void>): Promise<Round> {
  await page.evaluate(() => benchPage.watch());
  const [startedMs, before] = [performance.now(), await busyMs(inspector)];
  await work();
  const seconds = (performance.now() - startedMs) / 1_000;
  const busy = (await busyMs(inspector)) - before;
  return { ...(await page.evaluate(() => benchPage.watched())), busyMs: busy, seconds };
}

/** How long the page's main thread has computed so far, in milliseconds. */
async function busyMs(inspector: CDPSession): Promise<number> {
  const { metrics } = await inspector.send("Performance.getMetrics");
  return 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN);
}

function sideOf(rounds: readonly Round[]): Side {
  const framesMs = rounds.flatMap((round) => round.framesMs);
  const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
  return {
    frames: distributionOf(framesMs),
    framesOver50Ms: framesMs.filter((ms) => ms > FRAME_MS_MAX).length,
    longTasks: distributionOf(rounds.flatMap((round) => round.longTasksMs)),
    mainThreadMsPerSecond:
      sum(rounds.map((round) => round.busyMs)) / sum(rounds.map((round) => round.seconds)),
  };
}

function table(
  report: Measured & { readonly parameters: number; readonly updateBytes: number },
): string {
  const line = (name: string, { frames, framesOver50Ms, longTasks, ...side }: Side): string =>
    `${name.padEnd(10)} ${frames.count} frames, p50 ${frames.p50.toFixed(1)} ms, ` +
    `p99 ${frames.p99.toFixed(1)}, longest ${frames.max.toFixed(1)}; over 50 ms: ${framesOver50Ms}; ` +
    `tasks of 50 ms: ${longTasks.count}; ` +
    `main thread busy ${side.mainThreadMsPerSecond.toFixed(1)} ms per second`;
  const { knownMs } = report;
  return [
    `ResNet-18, ${report.parameters} parameters, updates of ${report.updateBytes.toFixed(0)} bytes`,
    `joined in ${report.joinMs.toFixed(0)} ms, one prediction ${report.predictMs.toFixed(1)} ms`,
    line("quiet", report.quiet),
    line("updating", report.updating),
    `published until served: p50 ${knownMs.p50.toFixed(1)} ms, p99 ${knownMs.p99.toFixed(1)}`,
  ].join("\n");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
