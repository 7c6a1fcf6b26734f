// The acceptance suite against a real Docker Engine, started for it in namespaces of its own.

import { test } from "vitest";
import { systemClock } from "../../src/base/host/index.js";
import { DockerEngine, parseEngineAddress } from "../../src/engine/index.js";
import { engineAcceptance } from "../engine/acceptance.js";
import { busyboxImage, Dockerd, whyNoDockerd } from "../support/dockerd.js";

const why = whyNoDockerd();

if (why) {
  test.skip(`docker: engine acceptance (no real engine here: ${why})`, () => {});
} else {
  engineAcceptance("docker", async () => {
    const dockerd = await Dockerd.start();
    const address = parseEngineAddress(dockerd.address);
    if (address.kind === "embedded") throw new Error("not a real engine");
    const engine = new DockerEngine({ address }, { clock: systemClock });
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
}
