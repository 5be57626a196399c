import { describe, expect, it } from "vitest";
import { exampleStatus } from "../status.fixture.ts";
import { exampleDrift } from "../drift/drift.fixture.ts";
import { readDrift, readModelNames, readStatus } from "./messages.ts";
import { eventsPath } from "./watch.ts";

describe("the answers of the server", () => {
  it("give the names of the models in their order", () => {
    expect(readModelNames({ models: [{ name: "b" }, { name: "a" }] })).toEqual(["b", "a"]);
    expect(readModelNames({ models: [] })).toEqual([]);
  });

  it.each([[null], ["models"], [{}], [{ models: "digits" }], [{ models: [{}] }]])(
    "are refused as a list when they are %j",
    (body) => {
      expect(readModelNames(body)).toBeNull();
    },
  );

  it("give back a status as it was sent", () => {
    expect(readStatus(JSON.stringify(exampleStatus()))).toEqual(exampleStatus());
  });

  it.each(["", "{", "null", "[]", '{"name":"digits"}'])("are refused as a status: %s", (data) => {
    expect(readStatus(data)).toBeNull();
  });

  it("give back what is seen of drift as it was sent, and refuse anything else", () => {
    expect(readDrift(JSON.stringify(exampleDrift()))).toEqual(exampleDrift());
    for (const data of ["", "{", "null", "[]", '{"status":{}}']) expect(readDrift(data)).toBeNull();
  });

  it("are found by a name that needs escaping", () => {
    expect(eventsPath("a/b c")).toBe("v1/models/a%2Fb%20c/events");
  });
});
