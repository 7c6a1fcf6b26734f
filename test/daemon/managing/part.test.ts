import { expect, test } from "vitest";
import { silentLog } from "../../../src/base/index.js";
import { ManagerPart } from "../../../src/daemon/managing/index.js";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";

type Modules = ConstructorParameters<typeof ManagerPart>[0];

test("a manager that breaks while its node is made a worker does not want to be one again", async () => {
  const clock = new VirtualClock();
  // Nothing else is asked of a part that was never begun.
  const modules: Partial<Modules> = { clock, random: new SeededRandom(1), log: silentLog };
  const part = new ManagerPart(modules as Modules);
  part.broke(new Error("disk full"));
  expect({ state: part.state, failure: part.failure }).toEqual({ state: "no", failure: undefined });
  part.become(true);
  expect(part.state).toBe("starting");
  part.broke(new Error("disk full"));
  expect({ state: part.state, failure: part.failure }).toEqual({ state: "starting", failure: "disk full" });
  part.become(false);
  part.broke(new Error("disk full"));
  expect({ state: part.state, failure: part.failure }).toEqual({ state: "no", failure: undefined });
});
