import { expect, it } from "vitest";
import { Resources } from "./resources.ts";

it("closes in reverse order, each once, also after a failure", async () => {
  const closed: string[] = [];
  const resources = new Resources();
  resources.add(() => closed.push("first"));
  resources.add(() => Promise.reject(new Error("stuck")));
  resources.add(async () => {
    await Promise.resolve();
    closed.push("last");
  });
  await expect(resources.close()).rejects.toThrow(AggregateError);
  expect(closed).toEqual(["last", "first"]);
  await resources.close();
  expect(closed).toHaveLength(2);
});
