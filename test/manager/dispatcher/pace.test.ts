import { expect, test } from "vitest";
import {
  answersMax,
  Pace,
  type Speaker,
  speakersMax,
  speechesMax,
  speechesPerSecond,
} from "../../../src/manager/dispatcher/pace.js";
import { VirtualClock } from "../../../src/sim/index.js";

/** Speakers that note in what order they spoke. */
function aPace(sessions = 0) {
  const clock = new VirtualClock();
  const pace = new Pace(clock, () => sessions);
  const spoken: number[] = [];
  const answered: number[] = [];
  const speakers = Array.from(
    { length: 5_000 },
    (_, at): Speaker => ({
      maySpeak: () => void spoken.push(at),
      mayAnswer: () => void answered.push(at),
    }),
  );
  const ask = (from: number, to: number): void => {
    for (const speaker of speakers.slice(from, to)) pace.ask(speaker);
  };
  return { clock, pace, spoken, answered, speakers, ask };
}

test("few speak at once", () => {
  const { spoken, ask } = aPace();
  ask(0, 3);
  expect(spoken).toEqual([0, 1, 2]);
});

test("many speak in turns, in the order they asked, each once", async () => {
  const { clock, spoken, ask } = aPace();
  ask(0, 500);
  ask(0, 500);
  expect(spoken.length).toBe(speakersMax * 1);
  await clock.advance(5);
  expect(spoken.length).toBe(speakersMax * 2);
  await clock.advance(1_000);
  expect(spoken.slice(speakersMax, 500)).toEqual(
    Array.from({ length: 500 - speakersMax }, (_, at) => at + speakersMax),
  );
});

test("after many the others wait for so many a second", async () => {
  const { clock, spoken, ask } = aPace();
  ask(0, 5_000);
  await clock.advance(1_000);
  expect(spoken.length).toBeGreaterThan(speechesMax + speechesPerSecond * 0.9);
  expect(spoken.length).toBeLessThanOrEqual(speechesMax + speechesPerSecond);
  await clock.advance(8_000);
  expect(spoken.length).toBe(5_000);
});

test("with more sessions than that each still speaks every other second", async () => {
  const { clock, spoken, ask } = aPace(4_000);
  ask(0, 5_000);
  await clock.advance(2_010);
  expect(spoken.length).toBeGreaterThan(4_500);
});

test("who has left is not asked", async () => {
  const { clock, pace, spoken, speakers, ask } = aPace();
  ask(0, speakersMax + 2);
  for (const speaker of speakers.slice(speakersMax, speakersMax + 1)) pace.leave(speaker);
  await clock.advance(100);
  expect(spoken.at(-1)).toBe(speakersMax + 1);
  expect(spoken).not.toContain(speakersMax);
});

test("a few beats are answered at once, also while others speak", () => {
  const { pace, answered, speakers, ask } = aPace();
  ask(0, 500);
  for (const speaker of speakers.slice(500, 503)) pace.answer(speaker);
  expect(answered).toEqual([500, 501, 502]);
});

test("many beats at once are answered in a few turns, in the order they came", async () => {
  const { clock, pace, answered, speakers } = aPace();
  for (const speaker of speakers) pace.answer(speaker);
  expect(answered.length).toBe(answersMax);
  await clock.advance(5);
  expect(answered.length).toBeGreaterThan(answersMax + 200);
  expect(answered.length).toBeLessThanOrEqual(answersMax + 250);
  await clock.advance(500);
  expect(answered).toEqual(Array.from({ length: 5_000 }, (_, at) => at));
});

test("who has left answers nothing", async () => {
  const { clock, pace, answered, speakers } = aPace();
  for (const speaker of speakers.slice(0, answersMax + 1)) pace.answer(speaker);
  for (const speaker of speakers.slice(answersMax, answersMax + 1)) pace.leave(speaker);
  await clock.advance(100);
  expect(answered.length).toBe(answersMax);
});
