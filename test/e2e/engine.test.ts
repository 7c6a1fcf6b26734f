// The acceptance suite against a real Docker Engine, started for it in namespaces of its own.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import { type CreateContainer, DockerEngine, engineBounds, parseEngineAddress } from "../../src/engine/index.js";
import { engineAcceptance } from "../engine/acceptance.js";
import { busyboxImage, Dockerd, whyNoDockerd } from "../support/dockerd.js";

const why = whyNoDockerd();

if (why) {
  test.skip(`docker: engine acceptance (no real engine here: ${why})`, () => {});
} else {
  engineAcceptance("docker", async () => {
    const dockerd = await Dockerd.start();
    const engine = clientOf(dockerd);
    return {
      engine,
      clock: systemClock,
      image: busyboxImage,
      // A port of the engine's own loopback on which nobody listens.
      absentImage: "127.0.0.1:1/skep/missing:1",
      run: (body) => body(),
      crash: () => dockerd.crash(),
      recover: () => dockerd.up(),
      async close() {
        engine.close();
        await dockerd.close();
      },
    };
  });

  describe("docker: what only a real engine does", () => {
    let dockerd: Dockerd;
    let engine: DockerEngine;
    const signal = new AbortController().signal;

    beforeAll(async () => {
      dockerd = await Dockerd.start();
      engine = clientOf(dockerd);
    });
    afterAll(async () => {
      engine?.close();
      await dockerd?.close();
    });

    const start = async (name: string, command: readonly string[], more: Partial<CreateContainer> = {}) => {
      const config = { Image: busyboxImage, Labels: {}, Cmd: command, HostConfig: {}, ...more };
      const id = await engine.create(name, config, signal);
      await engine.start(id, signal);
      return id;
    };

    test("a command that is not there is named in the engine's words", async () => {
      await expect(start("nowhere", ["/no/such/program"])).rejects.toThrow(/\/no\/such\/program.*no such file/);
    });

    test("a line longer than the engine's pieces comes whole, with one time", async () => {
      const id = await start("long", ["sh", "-c", "head -c 50000 /dev/zero | tr '\\0' x; echo; echo end"]);
      const lengths: number[] = [];
      for await (const { line } of engine.logs(id, { follow: true }, signal)) lengths.push(line.length);
      expect(lengths).toEqual([50_000, 3]);
    });

    test("a process killed for its memory shows it", async () => {
      const limit = { Memory: 8 * 1024 * 1024, MemorySwap: 8 * 1024 * 1024 };
      const id = await start("hungry", ["sh", "-c", "x=a; while true; do x=$x$x; done"], { HostConfig: limit });
      for await (const _ of engine.logs(id, { follow: true }, signal));
      const container = await engine.inspect(id, signal);
      expect(container?.state).toMatchObject({ kind: "exited", exitCode: 137, oomKilled: true });
    });

    test("a frozen engine fails its callers within the bound, and answers again", async () => {
      dockerd.freeze();
      const startMs = performance.now();
      await expect(engine.info(signal)).rejects.toMatchObject({ kind: "Unavailable" });
      expect(performance.now() - startMs).toBeLessThan(engineBounds.answerMs + 2_000);
      dockerd.thaw();
      await engine.info(signal);
    });

    test("ten containers, four at a time: how many a second", async () => {
      const names = Array.from({ length: 10 }, (_, n) => `rate-${n}`);
      const startMs = performance.now();
      const lane = async (): Promise<void> => {
        for (let name = names.pop(); name; name = names.pop()) await start(name, ["sleep", "600"]);
      };
      await Promise.all([lane(), lane(), lane(), lane()]);
      const perSecond = 10_000 / (performance.now() - startMs);
      console.log(`created and started ${perSecond.toFixed(1)} containers a second`);
      expect(perSecond).toBeGreaterThan(0.5);
    });
  });
}

function clientOf(dockerd: Dockerd): DockerEngine {
  const address = parseEngineAddress(dockerd.address);
  if (address.kind === "embedded") throw new Error("not a real engine");
  return new DockerEngine({ address }, { clock: systemClock });
}
