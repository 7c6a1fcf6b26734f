// What every engine must do, whichever it is. Run for the embedded one on virtual time (embedded/acceptance.test.ts) and
// for a real Docker Engine (e2e/engine.test.ts).

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Clock, SwarmError, sleep } from "../../src/base/index.js";
import type {
  Container,
  ContainerEvent,
  CreateContainer,
  Engine,
  LogLine,
  LogOptions,
} from "../../src/engine/index.js";

/** An engine to test, and the time it lives in. */
export interface Subject {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Has what a busybox image has; present. */
  readonly image: string;
  /** No registry gives it, at once. */
  readonly absentImage: string;
  /** Runs a test's body to its end, letting time pass. */
  run(body: () => Promise<void>): Promise<void>;
  /** The engine's process dies. Containers run on. */
  crash(): Promise<void>;
  /** It is started again. */
  recover(): Promise<void>;
  close(): Promise<void>;
}

/** How long an engine may take for a thing to be seen, milliseconds. */
const seenMaxMs = 15_000;
const pollMs = 50;
const second = 1e9;

export function engineAcceptance(name: string, open: () => Promise<Subject>): void {
  describe(`${name}: engine acceptance`, () => {
    let subject: Subject;
    let engine: Engine;
    let run = 0;
    const signal = new AbortController().signal;
    const label = { "skep.test": "acceptance" };

    beforeAll(async () => {
      subject = await open();
      engine = subject.engine;
    });
    afterAll(() => subject?.close());
    beforeEach(() => {
      run += 1;
    });

    const story = (title: string, body: () => Promise<void>): void => test(title, () => subject.run(body));
    const nameOf = (what: string): string => `skep-${what}-${run}`;
    const aContainer = (command: readonly string[], more: Partial<CreateContainer> = {}): CreateContainer => ({
      Image: subject.image,
      Labels: label,
      Cmd: command,
      HostConfig: {},
      ...more,
    });
    const create = (what: string, config: CreateContainer): Promise<string> =>
      engine.create(nameOf(what), config, signal);
    const started = async (what: string, config: CreateContainer): Promise<string> => {
      const id = await create(what, config);
      await engine.start(id, signal);
      return id;
    };
    const inspected = async (id: string): Promise<Container> => {
      const container = await engine.inspect(id, signal);
      if (!container) throw new Error(`no container ${id}`);
      return container;
    };
    const seen = async (id: string, holds: (container: Container) => boolean): Promise<Container> => {
      const endMs = subject.clock.monotonic() + seenMaxMs;
      for (;;) {
        const container = await inspected(id);
        if (holds(container)) return container;
        if (subject.clock.monotonic() > endMs) throw new Error(`not seen in time: ${JSON.stringify(container.state)}`);
        await sleep(subject.clock, pollMs);
      }
    };
    const ended = async (id: string): Promise<{ exitCode: number; oomKilled: boolean; error: string }> => {
      const { state } = await seen(id, (each) => each.state.kind === "exited");
      if (state.kind !== "exited") throw new Error("unreachable");
      return { exitCode: state.exitCode, oomKilled: state.oomKilled, error: state.error };
    };
    const health = async (id: string): Promise<string> => {
      const { state } = await inspected(id);
      return state.kind === "running" ? state.health : state.kind;
    };
    const took = async (act: () => Promise<unknown>): Promise<number> => {
      const startMs = subject.clock.monotonic();
      await act();
      return subject.clock.monotonic() - startMs;
    };

    story("says who it is", async () => {
      const info = await engine.info(signal);
      expect(info).toMatchObject({ os: "linux", inSwarm: false });
      expect(Number(info.apiVersion.split(".")[1])).toBeGreaterThanOrEqual(41);
      expect(info.nanoCpus).toBeGreaterThanOrEqual(1e9);
      expect(info.memoryBytes).toBeGreaterThan(1024 ** 3);
      expect(info.plugins).toContainEqual({ type: "Network", name: "bridge" });
      expect([info.id, info.hostname, info.version, info.architecture]).not.toContain("");
    });

    story("finds an image under each way to write it, and not one that is absent", async () => {
      const has = (image: string): Promise<boolean> => engine.hasImage(image, signal);
      expect(await has(subject.image)).toBe(true);
      expect(await has(`docker.io/library/${subject.image}`)).toBe(true);
      expect(await has("skep/not-here:1")).toBe(false);
      expect(await has(`${subject.image}@sha256:${"a".repeat(64)}`)).toBe(false);
    });

    story("a failed pull gives the registry's words, and its kind is not that of a silent engine", async () => {
      const pull = engine.pull(subject.absentImage, "", () => {}, signal);
      await expect(pull).rejects.toThrow(/connection refused|manifest unknown/);
      await expect(pull).rejects.not.toMatchObject({ kind: "Unavailable" });
    });

    story("a pull of no reference is refused", async () => {
      await expect(engine.pull("Not/A Reference", "", () => {}, signal)).rejects.toMatchObject({
        kind: "InvalidArgument",
      });
    });

    story("creating from an absent image names it", async () => {
      const config = aContainer(["true"], { Image: "skep/not-here:1" });
      await expect(create("absent", config)).rejects.toEqual(
        new SwarmError("NotFound", "No such image: skep/not-here:1"),
      );
    });

    story("a container is created, and shows what it was created with", async () => {
      const id = await create("made", aContainer(["sleep", "60"]));
      expect(await inspected(id)).toEqual({
        id,
        name: nameOf("made"),
        image: subject.image,
        labels: label,
        state: { kind: "created" },
        ports: [],
      });
      expect(await engine.inspect(nameOf("made"), signal)).toMatchObject({ id });
    });

    story("a name is given once", async () => {
      const id = await create("twin", aContainer(["true"]));
      const again = create("twin", aContainer(["true"]));
      await expect(again).rejects.toMatchObject({ kind: "AlreadyExists" });
      await expect(again).rejects.toThrow(
        `The container name "/${nameOf("twin")}" is already in use by container "${id}"`,
      );
    });

    story("what is not there: inspection gives nothing, a start fails, a removal is done", async () => {
      expect(await engine.inspect("skep-nowhere", signal)).toBeUndefined();
      await expect(engine.start("skep-nowhere", signal)).rejects.toMatchObject({ kind: "NotFound" });
      await expect(engine.stop("skep-nowhere", 1, signal)).rejects.toMatchObject({ kind: "NotFound" });
      await engine.remove("skep-nowhere", signal);
    });

    story("the first digits of an id are no name", async () => {
      const id = await create("digits", aContainer(["true"]));
      expect(await engine.inspect(id.slice(0, 12), signal)).toBeUndefined();
    });

    for (const [command, exitCode] of [
      [["true"], 0],
      [["false"], 1],
      [["sh", "-c", "exit 7"], 7],
      [["sleep", "1"], 0],
      [["sh", "-c", "sleep 1; exit 255"], 255],
    ] as const) {
      story(`exit code of ${command.join(" ")} is ${exitCode}`, async () => {
        const id = await started("exit", aContainer(command));
        expect(await ended(id)).toEqual({ exitCode, oomKilled: false, error: "" });
      });
    }

    story("a running container shows its process; starting it again is nothing", async () => {
      const id = await started("runs", aContainer(["sleep", "600"]));
      await engine.start(id, signal);
      const { state } = await inspected(id);
      expect(state).toMatchObject({ kind: "running", health: "none" });
      if (state.kind === "running") {
        expect(state.pid).toBeGreaterThan(1);
        expect(Math.abs(Date.parse(state.startedAt) - subject.clock.now())).toBeLessThan(60_000);
      }
    });

    story("an exited container can be started again", async () => {
      const id = await started("again", aContainer(["sleep", "1"]));
      await ended(id);
      await engine.start(id, signal);
      expect((await inspected(id)).state.kind).toBe("running");
    });

    story("a stop asks first: a process that listens ends in its own way, at once", async () => {
      const script = "trap 'exit 5' TERM; echo ready; sleep 600 & wait";
      const id = await started("polite", aContainer(["sh", "-c", script]));
      await firstLine(id);
      expect(await took(() => engine.stop(id, 30, signal))).toBeLessThan(10_000);
      expect((await ended(id)).exitCode).toBe(5);
    });

    story("a stop kills after the grace a process that does not listen; the second stop is nothing", async () => {
      const id = await started("deaf", aContainer(["sleep", "600"]));
      const ms = await took(() => engine.stop(id, 1, signal));
      expect(ms).toBeGreaterThanOrEqual(900);
      expect(ms).toBeLessThan(10_000);
      expect((await ended(id)).exitCode).toBe(137);
      await engine.stop(id, 1, signal);
    });

    story("without a grace of the call the container's own counts", async () => {
      const id = await started("own", aContainer(["sleep", "600"], { StopTimeout: 1 }));
      expect(await took(() => engine.stop(id, undefined, signal))).toBeLessThan(9_000);
    });

    story("the stop signal is the container's", async () => {
      const script = "trap 'exit 9' USR1; echo ready; sleep 600 & wait";
      const id = await started("signal", aContainer(["sh", "-c", script], { StopSignal: "SIGUSR1" }));
      await firstLine(id);
      await engine.stop(id, 30, signal);
      expect((await ended(id)).exitCode).toBe(9);
    });

    story("behind an init a signal ends what has no handler", async () => {
      const id = await started("init", aContainer(["sleep", "600"], { HostConfig: { Init: true } }));
      await engine.stop(id, 30, signal);
      expect((await ended(id)).exitCode).toBe(143);
    });

    story("a kill is at once; what does not run cannot be killed", async () => {
      const id = await started("kill", aContainer(["sleep", "600"]));
      await engine.kill(id, "SIGKILL", signal);
      expect((await ended(id)).exitCode).toBe(137);
      await expect(engine.kill(id, "SIGKILL", signal)).rejects.toMatchObject({ kind: "FailedPrecondition" });
      await expect(engine.kill(id, "SIGKILL", signal)).rejects.toThrow("is not running");
    });

    story("a removal ends what runs, and is done when it is done", async () => {
      const id = await started("remove", aContainer(["sleep", "600"]));
      await engine.remove(id, signal);
      expect(await engine.inspect(id, signal)).toBeUndefined();
      await engine.remove(id, signal);
      // The name is free again.
      await engine.remove(await create("remove", aContainer(["true"])), signal);
    });

    story("health: starting, then healthy", async () => {
      const id = await started("healthy", aContainer(["sleep", "600"], { Healthcheck: everySecond("true") }));
      expect(await health(id)).toBe("starting");
      await seen(id, ({ state }) => state.kind === "running" && state.health === "healthy");
    });

    story("health: a container that fails its probes is unhealthy and runs on", async () => {
      const id = await started("unhealthy", aContainer(["sleep", "600"], { Healthcheck: everySecond("exit 1") }));
      await seen(id, ({ state }) => state.kind === "running" && state.health === "unhealthy");
    });

    story("health: failures within the start period do not count", async () => {
      const check = { ...everySecond("exit 1"), StartPeriod: 600 * second, StartInterval: 1 * second };
      const id = await started("slow", aContainer(["sleep", "600"], { Healthcheck: check }));
      await sleep(subject.clock, 5_000);
      expect(await health(id)).toBe("starting");
    });

    story("health: NONE is no healthcheck", async () => {
      const id = await started("none", aContainer(["sleep", "600"], { Healthcheck: { Test: ["NONE"] } }));
      expect(await health(id)).toBe("none");
    });

    story("published ports are shown as they are, free ones filled in", async () => {
      const bindings = {
        "80/tcp": [{ HostPort: "18080" }],
        "81/tcp": [{ HostPort: "" }],
        "53/udp": [{ HostPort: "15353" }],
      };
      const id = await started("ports", publishing(bindings));
      const { ports } = await inspected(id);
      expect(ports).toHaveLength(3);
      expect(ports).toContainEqual({ protocol: "tcp", targetPort: 80, publishedPort: 18_080 });
      expect(ports).toContainEqual({ protocol: "udp", targetPort: 53, publishedPort: 15_353 });
      expect(ports.find((each) => each.targetPort === 81)?.publishedPort).toBeGreaterThan(1024);
      await engine.kill(id, "SIGKILL", signal);
      await ended(id);
      expect((await inspected(id)).ports).toEqual([]);
    });

    story("a taken port is refused at the start, and free again once its holder has ended", async () => {
      const bindings = { "80/tcp": [{ HostPort: "18081" }] };
      const holder = await started("holder", publishing(bindings));
      const waiting = await create("waiting", publishing(bindings));
      await expect(engine.start(waiting, signal)).rejects.toThrow(
        "Bind for 0.0.0.0:18081 failed: port is already allocated",
      );
      await engine.remove(holder, signal);
      await engine.start(waiting, signal);
    });

    story("a list shows every state, and only what carries all labels", async () => {
      const one = { "skep.list": "1", [`run-${run}`]: "x" };
      const a = await create("list-a", aContainer(["true"], { Labels: one }));
      const b = await started("list-b", aContainer(["sleep", "600"], { Labels: one }));
      const c = await started("list-c", aContainer(["true"], { Labels: { ...one, "skep.list": "2" } }));
      await ended(c);
      const states = async (labels: Record<string, string>): Promise<Record<string, string>> =>
        Object.fromEntries((await engine.list(labels, signal)).map((each) => [each.id, each.state]));
      expect(await states({ [`run-${run}`]: "" })).toEqual({ [a]: "created", [b]: "running", [c]: "exited" });
      expect(await states({ [`run-${run}`]: "x", "skep.list": "2" })).toEqual({ [c]: "exited" });
      expect(await states({ [`run-${run}`]: "y" })).toEqual({});
      const [summary] = await engine.list({ [`run-${run}`]: "", "skep.list": "2" }, signal);
      expect(summary).toEqual({
        id: c,
        name: nameOf("list-c"),
        labels: { ...one, "skep.list": "2" },
        state: "exited",
      });
    });

    story("events tell a container's life, from the call on, by labels", async () => {
      const labels = { "skep.events": String(run) };
      const stop = new AbortController();
      const stream = engine.events(labels, stop.signal);
      const id = await started("events", aContainer(["true"], { Labels: labels }));
      await started("others", aContainer(["true"]));
      await ended(id);
      await engine.remove(id, signal);
      const got: ContainerEvent[] = [];
      for await (const event of stream) {
        got.push(event);
        if (event.action === "destroy") break;
      }
      expect(got.map((event) => event.action)).toEqual(["create", "start", "die", "destroy"]);
      expect(new Set(got.map((event) => event.containerId))).toEqual(new Set([id]));
      expect(got[0]?.labels).toMatchObject(labels);
      stop.abort();
    });

    story("an event tells that the health changed", async () => {
      const labels = { "skep.events": String(run) };
      const stream = engine.events(labels, signal);
      await started("health-event", aContainer(["sleep", "600"], { Labels: labels, Healthcheck: everySecond("true") }));
      const actions: string[] = [];
      for await (const event of stream) {
        actions.push(event.action);
        if (event.action === "health") break;
      }
      expect(actions).toEqual(["create", "start", "health"]);
    });

    story("the caller's abort ends a stream of events, with its reason", async () => {
      const stop = new AbortController();
      const reading = collect(engine.events(label, stop.signal));
      await sleep(subject.clock, 100);
      stop.abort(new Error("enough"));
      await expect(reading).rejects.toThrow("enough");
    });

    story("logs: both streams, with time, whole lines", async () => {
      const id = await started("logs", aContainer(["sh", "-c", "echo one; sleep 1; echo two >&2; echo three"]));
      await ended(id);
      const lines = await log(id, { follow: false });
      // The engine keeps the order within a stream only.
      expect(lines.filter((each) => each.stream === "stdout").map(textOf)).toEqual(["one", "three"]);
      expect(lines.filter((each) => each.stream === "stderr").map(textOf)).toEqual(["two"]);
      for (const line of lines) expect(line.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      expect((await log(id, { follow: false, tail: 1 })).length).toBe(1);
    });

    story("logs: following ends with the container", async () => {
      const id = await started("follow", aContainer(["sh", "-c", "echo one; sleep 2; echo two"]));
      expect((await log(id, { follow: true })).map(textOf)).toEqual(["one", "two"]);
    });

    story("logs: with a terminal everything is standard output, without its line ends", async () => {
      const id = await started("tty", aContainer(["sh", "-c", "echo one; echo two"], { Tty: true }));
      await ended(id);
      expect((await log(id, { follow: false })).map((each) => [each.stream, textOf(each)])).toEqual([
        ["stdout", "one"],
        ["stdout", "two"],
      ]);
    });

    story("logs: of nothing fail", async () => {
      await expect(log("skep-nowhere", { follow: false })).rejects.toMatchObject({ kind: "NotFound" });
    });

    story("an aborted call ends with the caller's reason", async () => {
      const id = await started("abort", aContainer(["sleep", "600"]));
      const stop = new AbortController();
      const stopping = engine.stop(id, 60, stop.signal);
      const failed = expect(stopping).rejects.toThrow("changed my mind");
      await sleep(subject.clock, 200);
      stop.abort(new Error("changed my mind"));
      await failed;
      await expect(engine.info(AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
    });

    story("an engine that dies fails what is under way, and is found again with its containers", async () => {
      const id = await started("outlives", aContainer(["sleep", "600"]));
      const before = await inspected(id);
      const streaming = collect(engine.events(label, signal));
      const following = log(id, { follow: true });
      const stopping = engine.stop(id, 60, signal);
      const failing = [streaming, following, stopping].map((each) =>
        expect(each).rejects.toMatchObject({ kind: "Unavailable" }),
      );
      await sleep(subject.clock, 500);
      await subject.crash();
      await Promise.all(failing);
      await expect(engine.info(signal)).rejects.toMatchObject({ kind: "Unavailable" });
      await expect(engine.start(id, signal)).rejects.toMatchObject({ kind: "Unavailable" });
      await subject.recover();
      const after = await inspected(id);
      expect([after.id, after.labels]).toEqual([before.id, before.labels]);
      await engine.info(signal);
      await engine.remove(id, signal);
    });

    story("what ended while the engine was away is seen when it is back", async () => {
      const id = await started("meanwhile", aContainer(["sh", "-c", "sleep 2; exit 4"]));
      await subject.crash();
      await sleep(subject.clock, 3_000);
      await subject.recover();
      expect((await inspected(id)).state.kind).toBe("exited");
    });

    function publishing(bindings: Record<string, { HostPort: string }[]>): CreateContainer {
      const exposed = Object.fromEntries(Object.keys(bindings).map((key) => [key, {}]));
      return aContainer(["sleep", "600"], { ExposedPorts: exposed, HostConfig: { PortBindings: bindings } });
    }

    async function firstLine(id: string): Promise<void> {
      for await (const _ of engine.logs(id, { follow: true }, signal)) return;
    }

    async function log(id: string, options: LogOptions): Promise<LogLine[]> {
      return await collect(engine.logs(id, options, signal));
    }
  });
}

function everySecond(command: string): NonNullable<CreateContainer["Healthcheck"]> {
  return { Test: ["CMD-SHELL", command], Interval: 1 * second, Timeout: 5 * second, Retries: 2 };
}

function textOf(line: LogLine): string {
  return new TextDecoder().decode(line.line);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
