import { existsSync } from "node:fs";
import path from "node:path";
import { chromium, type Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM, QUIET } from "./browser.ts";
import { start, startScript, temporaryFolder } from "./program.ts";

const EXAMPLE = path.resolve(import.meta.dirname, "../../examples/browser/start.ts");

describe.runIf(existsSync(CHROMIUM))(`the example for browsers in ${CHROMIUM}`, () => {
  it("tells what is drawn, better as the model learns, and without the server too", async () => {
    using state = temporaryFolder();
    const trainer = start(["run", "--rate", "800", "--port", "0", "--state", state.path]);
    const example = startScript(EXAMPLE, ["0"]);
    const [feed = ""] = await trainer.shows(/ws:\/\/127\.0\.0\.1:\d+\/\S+/);
    await trainer.shows(/ready at version/);
    const [address = ""] = await example.shows(/http:\/\/127\.0\.0\.1:\d+\//);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET] });
    try {
      const tab = await browser.newPage({ viewport: { width: 800, height: 640 } });
      const complaints: string[] = [];
      tab.on("pageerror", (error) => complaints.push(error.message));
      await tab.goto(`${address}?model=${feed}`);
      await tab.getByText("Live", { exact: true }).waitFor();
      await drawSeven(tab);
      const before = await versionOf(tab);
      await expect.poll(() => answerOf(tab), { timeout: 40_000 }).toMatch(/^7 (9\d|100) % sure/);
      const screenshot = process.env["EVERFRESH_SCREENSHOTS"];
      if (screenshot !== undefined) {
        await tab.screenshot({ path: path.join(screenshot, "browser-example.png") });
      }
      trainer.child.kill("SIGKILL");
      await tab.getByText(/^Offline/).waitFor();
      await tab.reload();
      await tab.getByText(/^Offline/).waitFor();
      expect(await versionOf(tab)).toBeGreaterThan(before);
      await drawSeven(tab);
      await expect.poll(() => answerOf(tab)).toMatch(/^7 /);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      example.child.kill("SIGTERM");
    }
  });
});

async function versionOf(tab: Page): Promise<number> {
  return Number.parseInt((await tab.locator("#version").textContent()) ?? "", 10);
}

async function answerOf(tab: Page): Promise<string> {
  return (await tab.locator(".answer").innerText()).replaceAll(/\s+/g, " ");
}

async function drawSeven(tab: Page): Promise<void> {
  const box = await tab.locator("#pad").boundingBox();
  if (box === null) throw new Error("there is nothing to draw on");
  const to = (x: number, y: number): [number, number] => [box.x + x, box.y + y];
  await tab.mouse.move(...to(80, 60));
  await tab.mouse.down();
  await tab.mouse.move(...to(200, 60), { steps: 5 });
  await tab.mouse.move(...to(120, 230), { steps: 5 });
  await tab.mouse.up();
}
