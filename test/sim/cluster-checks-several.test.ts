// The checks of several managers, of all modes of services and of what comes in the end: each finds a bug that was planted for it.

import { describe, expect, test } from "vitest";
import { type Task, TaskState } from "../../src/gen/skep/v1/objects.js";
import { ConsensusCheck } from "../../src/sim/cluster/checks/consensus.js";
import { checkSameRows } from "../../src/sim/cluster/checks/same.js";
import {
  drawPlan,
  type SeedResult,
  type ServiceWish,
  SimCluster,
  type SimClusterOptions,
} from "../../src/sim/cluster/index.js";
import { Model } from "../../src/sim/cluster/model.js";
import { actual, unsettled } from "../../src/sim/cluster/settled.js";
import { shrink, wayOf } from "../../src/sim/cluster/shrink.js";
import { wantedOf } from "../../src/sim/cluster/wishes.js";
import type { Rows, TableName, Transaction } from "../../src/store/index.js";

/** An orchestrator whose tasks are written as `bend` says, and what `more` adds to each new one. */
function bent(bend: (row: Task) => Task, more?: (row: Task) => Task): Pick<SimClusterOptions, "plant"> {
  return {
    plant: (part, tx) => {
      if (part !== "orchestrator") return tx;
      const { cluster, revision } = tx;
      const put = <T extends TableName>(table: T, row: Rows[T]): void => {
        const isNew = table === "task" && !tx.table(table).get(row.id);
        tx.put(table, table === "task" ? (bend(row as Task) as Rows[T]) : row);
        if (isNew && more) tx.put("task", more(row as Task));
      };
      const setStatus: Transaction["setStatus"] = (...args) => tx.setStatus(...args);
      return {
        ...{ cluster, revision, put, setStatus },
        table: (name) => tx.table(name),
        delete: (...args) => tx.delete(...args),
      };
    },
  };
}

const same = (row: Task): Task => row;
const hurried = (row: Task): Task => ({ ...row, desiredState: TaskState.RUNNING });
const twinId = (id: string): string => `twin${id.slice(4)}`;

async function found(options: SimClusterOptions, wish: ServiceWish, ms = 10_000): Promise<string> {
  const cluster = await SimCluster.start(options);
  const run = async (): Promise<void> => {
    await cluster.do(cluster.user.create({ stopGraceMs: 1_000, ...wish }));
    await cluster.advance(ms);
  };
  return run().then(
    () => "nothing was found",
    (error: unknown) => String(error),
  );
}

describe("all modes", () => {
  const job = { name: "job", mode: "replicated-job", replicas: 4, maxConcurrent: 2, sim: "exit=0@3s" } as const;
  const everywhere = { name: "all", mode: "global" } as const;

  test("no bug, nothing found", async () => {
    expect(await found({}, { ...job, restart: "ON_FAILURE" })).toBe("nothing was found");
    expect(await found({}, everywhere)).toBe("nothing was found");
  });

  test("a job that runs more than its max-concurrent", async () => {
    const plant = bent(same, (row) => ({ ...row, id: twinId(row.id), slot: row.slot + 10 }));
    expect(await found(plant, { ...job, restart: "ON_FAILURE" })).toMatch(/job \w+ runs [34] at once, and not 2/);
  });

  test("a node that runs two of a global service", async () => {
    const cluster = await SimCluster.start(bent((row) => (row.desiredState === TaskState.READY ? hurried(row) : row)));
    await cluster.do(cluster.user.create({ ...everywhere, sim: "hang=stop", stopGraceMs: 3_000 }));
    await cluster.advance(3_000);
    await cluster.do(cluster.user.setImage("all", "nginx:2"));
    await expect(cluster.advance(10_000)).rejects.toThrow(/one task per slot: slot \w+\/\w+ runs \w+ and/);
  });
});

describe("several managers", () => {
  test("one of them applies another entry than the others", async () => {
    const cluster = await SimCluster.start({ managers: 3, hosts: 0 });
    const store = cluster.managers.get("m2")?.store ?? expect.unreachable();
    const apply = store.apply.bind(store);
    store.apply = (entry) => apply({ ...entry, term: entry.term + 1 });
    await expect(cluster.do(cluster.user.create({ name: "web" })).then(() => cluster.advance(500))).rejects.toThrow(
      /all managers apply the same: after revision \d+ another entry than others/,
    );
  });

  test("two of them lead in one term", () => {
    const check = new ConsensusCheck();
    expect([check.leads("m1", 2), check.leads("m1", 2), check.leads("m2", 3)].flat()).toEqual([]);
    expect(check.leads("m2", 2)).toEqual(["m1 and m2 both lead in term 2"]);
  });

  test("they hold other rows in the end", async () => {
    const [one, other] = [await SimCluster.start({ seed: 1, hosts: 1 }), await SimCluster.start({ seed: 2, hosts: 1 })];
    expect(() => checkSameRows([one.manager, other.manager])).toThrow("differ in table cluster");
    expect(() => checkSameRows([one.manager, one.manager])).not.toThrow();
  });

  test("leadership moves, a manager dies and comes back, one is cut off, and nothing is found", async () => {
    const cluster = await SimCluster.start({ managers: 3, hosts: 1 });
    await cluster.do(cluster.user.create({ name: "web", replicas: 4 }));
    for (const name of ["m1", "m2", "m3"]) {
      cluster.host(name).killDaemon();
      await cluster.eventually("another leads", () => cluster.leading !== undefined);
      cluster.host(name).startDaemon();
      await cluster.eventually("four run", () => cluster.running("web").length === 4);
    }
    const heal = [cluster.network.cut("m1", "m2"), cluster.network.cut("m2", "m1")];
    await cluster.do(cluster.user.scale("web", 6));
    await cluster.eventually("six run", () => cluster.running("web").length === 6);
    for (const end of heal) end();
    await cluster.eventually("all have all", () =>
      cluster.managers.all.every(({ store }) => store?.revision === cluster.store.revision),
    );
    checkSameRows(cluster.managers.all);
  });
});

describe("in the end", () => {
  test("an engine that does not stop what it is told to", async () => {
    const cluster = await SimCluster.start({ hosts: 1 });
    await cluster.do(cluster.user.create({ name: "web", replicas: 1, stopGraceMs: 1_000 }));
    await cluster.eventually("it runs", () => cluster.running("web").length === 1);
    const { engine } = cluster.host("w1");
    const inVain = (): Promise<void> => new Promise((resolve) => void cluster.clock.after(1_000, resolve));
    engine.stop = engine.kill = engine.remove = inVain;
    await cluster.do(cluster.user.scale("web", 0));
    await expect(cluster.advance(60_000)).rejects.toThrow(
      /surplus stops: the container of task \w+ still runs on w1 after 4\d+ ms/,
    );
  });

  test("a service that was acknowledged and is not there; one that nobody asked for", async () => {
    const cluster = await SimCluster.start({ hosts: 1, areManagersHosts: true });
    const model = new Model();
    const wish = { name: "web", replicas: 1, image: "app:1" };
    await model.becomes("web", wantedOf(wish), Promise.resolve());
    expect(unsettled(cluster, model)).toBe("web is not there, although it was acknowledged");
    await cluster.do(cluster.user.create(wish));
    await cluster.eventually("all is well", () => unsettled(cluster, model) === undefined);
    expect(actual("web", [undefined, wantedOf(wish)], cluster)).toEqual(wantedOf(wish));
    expect(() => actual("web", [undefined, wantedOf({ ...wish, replicas: 2 })], cluster)).toThrow(
      "nobody ever asked for that",
    );
    expect(() => actual("db", [wantedOf(wish)], cluster)).toThrow("is gone");
  });

  test("a service with too few, with another image, or that still stops", async () => {
    const cluster = await SimCluster.start({ hosts: 1, areManagersHosts: true });
    const model = new Model();
    const wish = { name: "web", replicas: 2, image: "app:1", sim: "hang=stop", stopGraceMs: 2_000 };
    await model.becomes("web", wantedOf({ ...wish, replicas: 3 }), cluster.do(cluster.user.create(wish)));
    await cluster.eventually("two run", () => cluster.running("web").length === 2);
    expect(unsettled(cluster, model)).toBe("web runs 2 of 3");
    model.set("web", { ...wantedOf(wish), image: "app:2" });
    await cluster.advance(1_000);
    expect(unsettled(cluster, model)).toBe("web runs 2 of another image than app:2");
    await cluster.do(cluster.user.scale("web", 1));
    await cluster.advance(100);
    model.set("web", { ...wantedOf(wish), replicas: 2 });
    expect(unsettled(cluster, model)).toBe("web has tasks that still stop");
  });
});

describe("a plan that fails is made smaller", () => {
  test("to the steps that are needed, while it fails in the same way", async () => {
    const plan = drawPlan(3);
    const needed = plan.steps.slice(4, 6).map(({ detail }) => detail);
    const run = ({ steps }: typeof plan): Promise<SeedResult> => {
      const isBad = needed.every((detail) => steps.some((step) => step.detail === detail));
      const failure = isBad ? `at ${steps.length}.5 s: a rule: something ${steps.length}` : undefined;
      const none = { stack: undefined, virtualMs: 0, convergedInMs: undefined, transcript: [], counts: {} };
      return Promise.resolve({ seed: 3, failure, ...none });
    };
    const shrunk = await shrink(plan, run);
    expect(shrunk?.plan.steps.map(({ detail }) => detail)).toEqual(needed);
    expect(shrunk?.plan).toMatchObject({ managers: 1, hosts: 0 });
    expect(wayOf(shrunk?.failure ?? "")).toBe("a rule");
  });

  test("the time of a dropped step goes to the next", async () => {
    const plan = drawPlan(3);
    const last = plan.steps.at(-1) ?? expect.unreachable();
    const all = plan.steps.reduce((sum, { afterMs }) => sum + afterMs, 0);
    const run = ({ steps }: typeof plan): Promise<SeedResult> => {
      const failure = steps.includes(last) || steps.some(({ detail }) => detail === last.detail) ? "x" : undefined;
      const none = { stack: undefined, virtualMs: 0, convergedInMs: undefined, transcript: [], counts: {} };
      return Promise.resolve({ seed: 3, failure, ...none });
    };
    expect((await shrink(plan, run))?.plan.steps).toEqual([{ ...last, afterMs: all }]);
  });
});

test("tasks of a job that completed are not taken for tasks that run", async () => {
  const cluster = await SimCluster.start({ hosts: 1, areManagersHosts: true });
  const wish = {
    name: "job",
    mode: "replicated-job",
    replicas: 2,
    image: "app:1",
    sim: "exit=0@1s",
    restart: "ON_FAILURE",
  } as const;
  const model = new Model();
  await model.becomes("job", wantedOf(wish), cluster.do(cluster.user.create(wish)));
  expect(unsettled(cluster, model)).toContain("job");
  await cluster.eventually("both are complete", () => unsettled(cluster, model) === undefined);
  expect(cluster.tasks("job").filter(({ status }) => status?.state === TaskState.COMPLETE)).toHaveLength(2);
});
