import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM, QUIET } from "./browser.ts";
import { start, temporaryFolder } from "./program.ts";

describe.runIf(existsSync(CHROMIUM))(`the live page in ${CHROMIUM}`, () => {
  it("shows a run as it learns, and says when the server is gone", async () => {
    using state = temporaryFolder();
    const args = ["run", "--rate", "800", "--port", "0", "--state", state.path];
    const trainer = start(args);
    const [page = ""] = await trainer.shows(/http:\/\/127\.0\.0\.1:\d+\//);
    await trainer.shows(/ready at version/);
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET] });
    try {
      const tab = await browser.newPage();
      const complaints: string[] = [];
      tab.on("pageerror", (error) => complaints.push(error.message));
      tab.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await tab.goto(page);
      await tab.getByRole("heading", { name: "digits" }).waitFor();
      await tab.getByText("Samples learned").first().waitFor();
      await tab.locator("canvas").first().waitFor();
      await tab.getByText(/everfresh replica ws:\/\//).waitFor();
      expect(complaints).toEqual([]);
      trainer.child.kill("SIGKILL");
      await tab.getByText("Reconnecting").first().waitFor();
    } finally {
      await browser.close();
    }
  });
});
