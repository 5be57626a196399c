import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { natsNames, natsObjects, natsToken } from "./nats-names.ts";

describe("names on a NATS server", () => {
  it("are those of SPEC.md section 4.4", () => {
    const names = natsNames("my.model_1");
    expect(names.stream).toBe("everfresh-my_2emodel_5f1");
    expect(names.bucket).toBe("everfresh-my_2emodel_5f1");
    expect(names.head).toBe("everfresh.my_2emodel_5f1.head");
    expect(names.asks).toBe("everfresh.my_2emodel_5f1.asks");
    expect(names.update("log/é", 300)).toBe("everfresh.my_2emodel_5f1.updates.log_2f_c3_a9.300");
    expect(names.updatesOf("log-1")).toBe("everfresh.my_2emodel_5f1.updates.log-1.*");
    expect(natsObjects.anchor("log-1", 256)).toBe("log-1/anchors/256");
    expect(natsObjects.manifest("log-1", "0a1b2c3d")).toBe("log-1/manifests/0a1b2c3d");
  });

  it("are tokens that no two texts share", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
        expect(natsToken(one)).toMatch(/^[A-Za-z0-9_-]*$/);
        const isSame =
          new TextEncoder().encode(one).join() === new TextEncoder().encode(other).join();
        expect(natsToken(one) === natsToken(other)).toBe(isSame);
      }),
    );
  });
});
