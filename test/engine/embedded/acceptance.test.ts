import { EmbeddedEngine } from "../../../src/engine/index.js";
import { SeededRandom, VirtualClock } from "../../../src/sim/index.js";
import { engineAcceptance } from "../acceptance.js";

/** Virtual time one story may take, milliseconds. */
const storyMaxMs = 600_000;

engineAcceptance("embedded", async () => {
  const clock = new VirtualClock();
  const engine = new EmbeddedEngine({ startMs: 200, stopMs: 50 }, { clock, random: new SeededRandom(1) });
  engine.addImage("busybox");
  return {
    engine,
    clock,
    image: "busybox:latest",
    absentImage: "skep/missing:1",
    run: (body) => clock.finish(body(), storyMaxMs, "the story's end"),
    crash: async () => engine.crash(),
    recover: async () => engine.recover(),
    close: async () => {},
  };
});
