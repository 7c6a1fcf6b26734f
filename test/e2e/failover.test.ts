import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { type ManagerHost, type Managers, startManagers } from "./support/managers.js";
import { onRealHosts } from "./support/on-real-hosts.js";
import { WriteLoad } from "./support/write-load.js";

/** A machine that is busy with other things is slow; what takes longer hangs. The figures are bench/failover.ts's. */
const BACK_MS = 20_000;
const BROKEN = 150;
/** At each door, begun before and after the leader goes. */
const CREATES = 8;

onRealHosts("the leader of three managers goes", () => {
  let managers: Managers;
  let load: WriteLoad;

  beforeAll(async () => {
    managers = await startManagers("skep", 3);
    await managers.form();
    load = await WriteLoad.start(managers.all, { perSecond: 20, registers: 16 });
  });

  afterAll(async () => {
    await managers[Symbol.asyncDispose]();
  });

  const strokes: readonly { readonly what: string; readonly go: (leader: ManagerHost) => Promise<Back> }[] = [
    { what: "killed", go: (leader) => ended(leader, "SIGKILL") },
    { what: "cut off without a word", go: cutOff },
    { what: "stopped", go: (leader) => ended(leader, "SIGTERM") },
  ];

  test.each(strokes)("$what: the others take writes again, and each create makes one service", async ({ what, go }) => {
    const leader = await managers.untilHealthy();
    const others = managers.all.filter((host) => host !== leader);
    load.close([leader.name]);
    const creates = others.flatMap((door) =>
      Array.from({ length: CREATES }, (_, at) => createOne(door, `${what.split(" ")[0]}-${door.name}-${at}`, 10 * at)),
    );
    await sleep(30);
    const from = performance.now();
    const back = await go(leader);
    const isAccepted = (): boolean =>
      load.writes.some(({ outcome, begunAt }) => outcome === "yes" && begunAt > from + back.tookMs);
    await eventually(isAccepted, { what: "a write is accepted", withinMs: BACK_MS, everyMs: 5 });
    expect((await managers.leader(others[0]))?.name).not.toBe(leader.name);
    const made = await Promise.all(creates);
    await back.heal();
    const leaderNow = await managers.untilHealthy();
    const { json } = await leaderNow.http.ok("GET", "/services");
    for (const { name, id } of made) {
      const found = (json as readonly { ID: string; Spec: { Name: string } }[]).filter(
        ({ Spec }) => Spec.Name === name,
      );
      expect(found.map(({ ID }) => ID)).toEqual([id ?? expect.any(String)]);
    }
    load.close([]);
  });

  test(`${BROKEN} connections between managers break: there is no election`, async () => {
    const leader = await managers.untilHealthy();
    const term = highestTerm(managers);
    for (let broken = 0, at = 0; broken < BROKEN; at += 1) {
      broken += (await managers.all[at % 3]?.breakConnection(Math.random())) ?? 0;
      await sleep(20);
    }
    expect(await managers.untilHealthy()).toBe(leader);
    expect(highestTerm(managers)).toBe(term);
  });

  test("a manager stops though another one is paused and answers nothing", async () => {
    const leader = await managers.untilHealthy();
    const [paused, stopped] = managers.all.filter((host) => host !== leader);
    if (paused === undefined || stopped === undefined) throw new Error("there are three");
    load.close([paused.name, stopped.name]);
    paused.skep.signal("SIGSTOP");
    const exit = await Promise.race([stopped.end("SIGTERM"), sleep(BACK_MS).then(() => "still there")]);
    paused.skep.signal("SIGCONT");
    expect(exit).toBe(0);
    await stopped.start();
    await managers.untilHealthy();
    load.close([]);
  });

  test("in the end nothing that was acknowledged is gone", async () => {
    await load.stop();
    const { acknowledged, lost, belied } = await load.account(await managers.untilHealthy());
    expect(acknowledged).toBeGreaterThan(100);
    expect({ lost, belied }).toEqual({ lost: [], belied: [] });
  });
});

interface Back {
  /** Until it had taken effect. */
  readonly tookMs: number;
  heal(): Promise<unknown>;
}

async function ended(leader: ManagerHost, signal: "SIGKILL" | "SIGTERM"): Promise<Back> {
  const from = performance.now();
  await leader.end(signal);
  return { tookMs: performance.now() - from, heal: () => leader.start() };
}

async function cutOff(leader: ManagerHost): Promise<Back> {
  const from = performance.now();
  await leader.cut();
  return { tookMs: performance.now() - from, heal: () => leader.mend() };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * One create that is asked while the leader goes. A manager holds it, or says that it does not know; a name that is taken
 * already would mean that it was carried out twice.
 */
async function createOne(
  { http }: ManagerHost,
  name: string,
  afterMs: number,
): Promise<{ readonly name: string; readonly id: string | undefined }> {
  await sleep(afterMs);
  const body = { Name: name, TaskTemplate: { ContainerSpec: { Image: "busybox:latest" } } };
  const answer = await http.post("/services/create", { ...body, Mode: { Replicated: { Replicas: 0 } } });
  expect(answer.status, answer.text).not.toBe(409);
  if (answer.status === 201) return { name, id: (answer.json as { ID: string }).ID };
  const again = await http.post("/services/create", { ...body, Mode: { Replicated: { Replicas: 0 } } });
  return { name, id: again.status === 201 ? (again.json as { ID: string }).ID : undefined };
}

/** That any manager's log tells of. */
function highestTerm({ all }: Managers): number {
  const terms = all.flatMap(({ skep }) => [...skep.log(10_000).matchAll(/ raft leader term=(\d+)/g)]);
  return Math.max(...terms.map(([, term]) => Number(term)));
}
